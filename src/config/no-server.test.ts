/** What a file may say about connections that no server is there for. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const file = (service: string, more = ''): string => `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 8080}]
${service}
${more}`;

function serviceOf(text: string) {
  const result = parseConfig(text, 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.services[0]!;
}

function wrong(text: string): readonly string[] {
  const result = parseConfig(text, 'f');
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('no server', () => {
  it('is a refusal unless the file says otherwise', () => {
    const service = serviceOf(file(''));
    expect(service).not.toHaveProperty('no_server');
    expect(service).not.toHaveProperty('sorry_server');
    expect(serviceOf(file('    no_server: reject'))).toEqual(service);
    expect(serviceOf(file('    no_server: drop'))).toEqual({ ...service, no_server: 'drop' });
  });

  it('may be a sorry server, at the service’s port or its own', () => {
    const port = (text: string) => serviceOf(file(`    sorry_server: ${text}`)).sorry_server;
    expect(port('{address: 192.168.1.200}')).toEqual({ address: '192.168.1.200', port: 80 });
    expect(port('{address: 192.168.1.200, port: 81}')).toEqual({ address: '192.168.1.200', port: 81 });
  });

  it('of every port is asked at the client’s, or at one of its own', () => {
    const every = (sorry: string) =>
      serviceOf(
        file(`    persistence: {}\n    sorry_server: ${sorry}`)
          .replace('port: 80\n', 'port: 0\n')
          .replace(', port: 8080', ''),
      ).sorry_server?.port;
    expect(every('{address: 192.168.1.200}')).toBe(0);
    expect(every('{address: 192.168.1.200, port: 80}')).toBe(80);
  });

  it.each([
    [
      '    sorry_server: {address: 192.168.1.102, port: 8080}',
      'f:7:5: services[0].sorry_server: 192.168.1.102:8080 is a server of this service already (line 6); expected a sorry server that is none of them',
    ],
    [
      '    sorry_server: {address: 192.168.1.101}',
      'f:7:5: services[0].sorry_server: 192.168.1.101:80 is a server of this service already (line 6); expected a sorry server that is none of them',
    ],
    [
      '    sorry_server: {address: "2001:db8::1"}',
      'f:7:29: services[0].sorry_server.address: 2001:db8::1 is IPv6, but the service is IPv4; expected an IPv4 address',
    ],
    [
      '    sorry_server: {address: 203.0.113.100, port: 81}',
      'f:7:29: services[0].sorry_server.address: 203.0.113.100 is a virtual IP of this director; a server needs its own address',
    ],
    [
      '    sorry_server: {address: 192.168.1.200, port: 0}',
      'f:7:5: services[0].sorry_server.port: 0 stands for every port, which this service does not have; expected a port from 1',
    ],
    [
      '    no_server: refuse',
      'f:7:16: services[0].no_server: "refuse" is not what to do; expected one of reject, drop',
    ],
  ])('%s is wrong', (line, message) => {
    expect(wrong(file(line)).map((text) => text.replace(/:7:\d+:/, ''))).toEqual([
      message.replace(/:7:\d+:/, ''),
    ]);
  });

  it('counts among limits.servers', () => {
    const text = file('    sorry_server: {address: 192.168.1.200}', 'limits: {servers: 2}');
    expect(wrong(text)).toEqual([expect.stringContaining('3 servers are configured')]);
  });
});
