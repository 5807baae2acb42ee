/** What a file may say of services of several ports or addresses, and what it is told to write instead of marks. */
import { describe, expect, it } from 'vitest';
import { serviceKey } from '../core/model/service.ts';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

/** A file of services, each by its lines, with a server unless they name some. */
const file = (...services: readonly string[]): string =>
  `director: {public: eth0, private: eth1}\nservices:\n${services
    .map((lines) => {
      const all = lines.split('\n');
      const servers = lines.includes('servers') ? [] : ['servers: [{address: 192.168.1.101}]'];
      const protocol = lines.includes('protocol') ? [] : ['protocol: tcp'];
      return [...protocol, ...all, ...servers]
        .map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`)
        .join('\n');
    })
    .join('\n')}\n`;

function right(...services: readonly string[]) {
  const result = parseConfig(file(...services), 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.services;
}

/** The problems without their line and column. */
function wrong(...services: readonly string[]): readonly string[] {
  const result = parseConfig(file(...services), 'f');
  return result.ok ? [] : result.problems.map((one) => formatProblem(one).replace(/^f:\d+:\d+: /, ''));
}

const VIP = 'address: 203.0.113.100';

describe('several ports', () => {
  it('are one service, whose servers are reached at the port asked for', () => {
    const [service] = right(`${VIP}\nports: [443, 80, 8000-8100]`);
    expect(service).toMatchObject({
      port: 80,
      ports: [
        { first: 80, last: 80 },
        { first: 443, last: 443 },
        { first: 8000, last: 8100 },
      ],
      servers: [{ address: '192.168.1.101', port: 0 }],
    });
    expect(service).not.toHaveProperty('prefix_length');
    expect(serviceKey(service!)).toBe('tcp 203.0.113.100:80,443,8000-8100');
  });

  it('may be one by its own words, and then is that', () => {
    expect(right(`${VIP}\nports: [80]`)).toEqual(right(`${VIP}\nport: 80`));
    expect(right('address: 203.0.113.100/32\nport: 80')).toEqual(right(`${VIP}\nport: 80`));
  });

  it('may have servers and a sorry server with a port of their own, or with 0', () => {
    const servers = 'servers: [{address: 192.168.1.101, port: 8080}, {address: 192.168.1.102, port: 0}]';
    const [service] = right(`${VIP}\nports: [80, 443]\n${servers}\nsorry_server: {address: 192.168.1.200}`);
    expect(service!.servers.map(({ port }) => port)).toEqual([8080, 0]);
    expect(service!.sorry_server!.port).toBe(0);
  });

  it.each([
    ['ports: [80, 443, 80]', 'services[0].ports[2]: 80 is listed already (line 5)'],
    ['ports: [8000-8100, 8050]', 'services[0].ports[1]: 8050 has ports of 8000-8100 (line 5)'],
    [
      'ports: [8100-8000]',
      'services[0].ports[0]: "8100-8000" ends before it begins; expected a port from 1 to 65,535, or a range of them such as 8000-8100; did you mean "8000-8100"?',
    ],
    [
      'ports: [0]',
      'services[0].ports[0]: 0 is not a port or a range of ports; expected a port from 1 to 65,535, or a range of them such as 8000-8100',
    ],
    [
      'ports: []',
      'services[0].ports: the list is empty; expected a list of 1 to 64 such as [80, 443, 8000-8100]',
    ],
    [
      'ports: 80',
      'services[0].ports: 80 is not a list of ports; expected a list of 1 to 64 such as [80, 443, 8000-8100]',
    ],
    [
      'port: 80\nports: [443]',
      'services[0].ports: the service has the key port, too; expected one of the two',
    ],
    ['scheduler: rr', 'services[0].port: missing; expected a port, or several as ports: [80, 443]'],
  ])('%s is wrong', (lines, message) => expect(wrong(`${VIP}\n${lines}`)).toEqual([message]));
});

describe('a check of a server at the port asked for', () => {
  const several = `${VIP}\nports: [80, 443]`;
  const check = (more: string) => `checks: [{type: tcp${more}}]`;

  it('has to say at which port', () => {
    expect(wrong(`${several}\n${check('')}`)).toEqual([
      'services[0].checks[0]: a server at the port that the client asks for does not say which one to check; expected the key connect_port, or a port of the server',
    ]);
    expect(wrong(`${several}\n${check(', connect_port: 80')}`)).toEqual([]);
    expect(wrong(`${several}\n${check('')}\nservers: [{address: 192.168.1.101, port: 80}]`)).toEqual([]);
  });
});

describe('a prefix', () => {
  it('is one service of all its addresses', () => {
    const [v4, v6] = right(
      'address: 203.0.113.0/28\nport: 80',
      'address: 2001:db8::/64\nports: [80, 443]\nservers: [{address: "fd00::1"}]',
    );
    expect(v4).toMatchObject({
      address: '203.0.113.0',
      prefix_length: 28,
      port: 80,
      servers: [{ port: 80 }],
    });
    expect([v4, v6].map((one) => serviceKey(one!))).toEqual([
      'tcp 203.0.113.0/28:80',
      'tcp [2001:db8::/64]:80,443',
    ]);
  });

  it.each([
    [
      'address: 203.0.113.5/28\nport: 80',
      'services[0].address: "203.0.113.5/28" has bits behind the first 28; expected an address such as 203.0.113.100 or 2001:db8::100, or a prefix such as 203.0.113.0/28; did you mean "203.0.113.0/28"?',
    ],
    [
      'address: 0.0.0.0/0\nport: 80',
      'services[0].address: "0.0.0.0/0" is every address there is; expected an address such as 203.0.113.100 or 2001:db8::100, or a prefix such as 203.0.113.0/28',
    ],
    [
      'address: 203.0.113.0/28\nport: 0',
      'services[0].port: 0 stands for every port, which only a persistent service can have; expected a port from 1, or the key persistence beside it',
    ],
    [
      'address: 192.168.1.0/24\nport: 80',
      'services[0].servers[0].address: 192.168.1.101 lies in 192.168.1.0/24, whose addresses are virtual; a server needs its own',
    ],
    [
      'address: 224.0.0.0/8\nport: 80',
      'services[0].address: "224.0.0.0/8" is a multicast address; expected an address that one host has and others can reach',
    ],
  ])('%s is wrong', (lines, message) => expect(wrong(lines)).toEqual([message]));
});

describe('two services', () => {
  it('may share a port when one of them names it more closely', () => {
    expect(
      right(
        `${VIP}\nport: 8050`,
        `${VIP}\nports: [8000-8100]`,
        'address: 203.0.113.0/24\nport: 8050',
        'address: 203.0.113.0/24\nports: [1-65535]',
        'address: 203.0.113.96/28\nports: [1-65535]',
        'protocol: udp\naddress: 203.0.113.96/28\nports: [1-65535]',
        `${VIP}\nport: 0\npersistence: {}`,
      ),
    ).toHaveLength(7);
  });

  it.each([
    [
      [`${VIP}\nport: 80`, `${VIP}\nports: [443, 80]`],
      'services[1]: tcp 203.0.113.100:80,443 has port 80, and so has tcp 203.0.113.100:80 (line 3)',
    ],
    [
      ['address: 203.0.113.0/24\nports: [80-90]', 'address: 203.0.113.0/24\nports: [79, 90-99]'],
      'services[1]: tcp 203.0.113.0/24:79,90-99 has ports of 80-90, and so has tcp 203.0.113.0/24:80-90 (line 3)',
    ],
    [
      [`${VIP}\nports: [80, 443]`, `${VIP}\nports: [443, 80]`],
      'services[1]: tcp 203.0.113.100:80,443 is a service already (line 3)',
    ],
  ])('may not where neither does: %j', (services, message) => expect(wrong(...services)).toEqual([message]));

  it('may have prefixes in each other, but not too many', () => {
    const nested = (count: number) =>
      Array.from({ length: count }, (_, i) => `address: 10.0.0.0/${8 + i}\nport: 80`);
    expect(wrong(...nested(8))).toEqual([]);
    expect(wrong(...nested(9))).toEqual([
      'services[8].address: 10.0.0.0/16 lies in 8 other prefixes of services; expected at most 8 one inside the other',
    ]);
  });
});

describe('what only ip_vs can do', () => {
  it.each([
    [
      'helper: ftp',
      'services[0].helper: looking into what FTP says is not in this version, whatever the data plane; expected no such key; passive FTP goes by ports, a list of the control port and the range of data ports; SIP by persistence: {engine: sip}, with dataplane: ipvs',
    ],
    [
      'persistence_engine: sip',
      'services[0].persistence_engine: a persistence engine is a key of the persistence; expected persistence: {engine: sip}, with dataplane: ipvs',
    ],
  ])('%s is refused with what to do', (line, message) =>
    expect(wrong(`${VIP}\nport: 80\n${line}`)).toEqual([message]),
  );

  it('a mark of another name is not told that it lacks address and port', () => {
    expect(wrong('mark: 7')).toEqual([
      expect.stringContaining('services[0].mark: the mark of a service is the key fwmark'),
    ]);
  });
});
