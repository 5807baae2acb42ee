import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const BASE = 'director: {public: eth0, private: eth1}\n';
const service = (text: string) =>
  `services:\n  - {protocol: tcp, address: 203.0.113.1, servers: []${text === '' ? '' : `, ${text}`}}\n`;

function problems(text: string, running?: 'bpf' | 'ipvs'): string[] {
  const result = parseConfig(text, 'weir.yaml', running);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('what ip_vs cannot do', () => {
  it.each([
    [
      service('ports: [80, 443]'),
      /services\[0\]\.ports: ip_vs has no service of several ports; dataplane: bpf can/,
    ],
    [service('port: 80, no_server: drop'), /no_server: ip_vs answers a connection/],
    [
      service('port: 80, timeouts: {udp: 10s}'),
      /services\[0\]\.timeouts: ip_vs has the same time-outs for all/,
    ],
    [service('port: 80, persistence: {timeout: 1500ms}'), /persistence\.timeout: ip_vs counts in seconds/],
    [
      service('port: 80').replace('203.0.113.1,', '203.0.113.0/24,'),
      /address: ip_vs has no service of a prefix/,
    ],
    [
      `${service('port: 80')}timeouts: {close_wait: 10s}\n`,
      /timeouts\.close_wait: ip_vs's time-out of that state/,
    ],
    [`${service('port: 80')}timeouts: {udp: 10500ms}\n`, /timeouts\.udp: ip_vs counts in seconds/],
    [
      `${service('port: 80, sloppy_tcp: true')}  - {protocol: tcp, address: 203.0.113.1, port: 81, servers: []}\n`,
      /services\[0\]\.sloppy_tcp: ip_vs has one sloppy_tcp for all TCP services, and not all have it/,
    ],
  ])('is refused with the reason, and who can: %s', (text, reason) => {
    const found = problems(`dataplane: ipvs\n${BASE}${text}`);
    expect(found.join('\n')).toMatch(reason);
    expect(found.length).toBe(1);
    // Of `auto` nobody knows what it stands for, until somebody does.
    for (const dataplane of ['dataplane: auto\n', '']) {
      expect(problems(`${dataplane}${BASE}${text}`)).toEqual([]);
      expect(problems(`${dataplane}${BASE}${text}`, 'bpf')).toEqual([]);
      expect(problems(`${dataplane}${BASE}${text}`, 'ipvs').length).toBe(1);
    }
    expect(problems(`dataplane: bpf\n${BASE}${text}`, 'ipvs')).toEqual([]);
  });

  it('is nothing of what it can', () => {
    const text = `${service('port: 80, sloppy_tcp: true, persistence: {timeout: 90s}')}timeouts: {established: 10m}\n`;
    expect(problems(`dataplane: ipvs\n${BASE}${text}`)).toEqual([]);
  });

  it('is not looked for in a file that is no file', () => {
    for (const text of [
      'dataplane: ipvs',
      'dataplane: ipvs\nservices: {}',
      'dataplane: [ipvs]\nservices: [1]',
    ])
      expect(problems(text).length).toBeGreaterThan(0);
    expect(problems(`dataplane: ivps\n${BASE}services: []\n`).join()).toMatch(/ipvs/);
  });

  it('is not to forward by other methods than NAT, which bpf cannot', () => {
    const direct = service('port: 80, method: direct').replace(
      'servers: []',
      'servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 8080}, {address: 192.168.1.103, port: 8080, method: nat}]',
    );
    expect(problems(`dataplane: bpf\n${BASE}${direct}`)).toEqual([
      expect.stringMatching(
        /services\[0\]\.method: the bpf plane forwards by NAT alone; dataplane: ipvs can do direct/,
      ),
    ]);
    const port = /servers\[1\]\.port: a packet that goes on by direct keeps its port/;
    expect(problems(`dataplane: ipvs\n${BASE}${direct}`)).toEqual([expect.stringMatching(port)]);
    expect(problems(`${BASE}${direct}`)).toEqual([expect.stringMatching(port)]);
    const tunnel = service('port: 80').replace('[]', '[{address: 192.168.1.101, method: tunnel}]');
    const parsed = parseConfig(`${BASE}${tunnel}`, 'weir.yaml');
    expect(parsed.ok && parsed.config.services[0]!.servers).toMatchObject([{ port: 80, method: 'tunnel' }]);
    expect(problems(`${BASE}${tunnel}`, 'bpf')).toEqual([expect.stringMatching(/servers\[0\]\.method/)]);
  });
});

describe('what the bpf plane cannot do', () => {
  const MARK = 'services:\n  - {fwmark: 7, servers: [{address: 192.168.1.101}]}\n';
  it.each([
    [MARK, /services\[0\]\.fwmark: the bpf plane balances packets before netfilter.*ports: \[80, 443\]/],
    [
      service('port: 80').replace('tcp', 'sctp'),
      /services\[0\]\.protocol: the bpf plane balances TCP and UDP; dataplane: ipvs can do that; expected one of tcp, udp/,
    ],
    [
      service('port: 5060, persistence: {engine: sip}').replace('tcp', 'udp'),
      /persistence\.engine: the bpf plane tells clients by their addresses; dataplane: ipvs can/,
    ],
    [
      `${service('port: 80')}sync_daemons: {master: {sync_id: 7}}\n`,
      /sync_daemons: the bpf plane has none of ip_vs's sync daemons; dataplane: ipvs can/,
    ],
    [
      service('port: 80, method: tunnel, tunnel: {type: gue, port: 6080}'),
      /services\[0\]\.method: the bpf plane forwards by NAT alone; dataplane: ipvs can do tunnel/,
    ],
  ])('is refused with the reason, and who can: %s', (text, reason) => {
    const found = problems(`dataplane: bpf\n${BASE}${text}`);
    expect(found.join('\n')).toMatch(reason);
    expect(found.length).toBe(1);
    expect(problems(`${BASE}${text}`, 'bpf').length).toBe(1);
    for (const running of ['ipvs', undefined] as const)
      expect(problems(`${BASE}${text}`, running)).toEqual([]);
    expect(problems(`dataplane: ipvs\n${BASE}${text}`)).toEqual([]);
  });
});

describe('what ip_vs alone can do, but not so', () => {
  const mark = (text: string) => `services:\n  - {fwmark: 7, servers: [{address: 192.168.1.101}]${text}}\n`;
  it.each([
    [
      mark(', protocol: tcp'),
      /services\[0\]\.protocol: a service with fwmark is of all packets that are marked so/,
    ],
    [mark(', address: 203.0.113.1'), /services\[0\]\.address: a service with fwmark/],
    [mark(', port: 80'), /services\[0\]\.port: a service with fwmark/],
    [mark(', family: ipv6'), /servers\[0\]\.address: 192.168.1.101 is IPv4, but the service is IPv6/],
    [
      mark(', checks: [{type: tcp}]'),
      /checks\[0\]: a server at the port that the client asks for does not say which/,
    ],
    [`${mark('')}  - {fwmark: 7, servers: []}\n`, /services\[1\]: fwmark 7 is a service already \(line 4\)/],
    [
      mark('').replace('7', '0'),
      /fwmark: 0 is not a firewall mark; expected a whole number from 1 to 4,294,967,295/,
    ],
    [service('port: 80, family: ipv6'), /services\[0\]\.family: the address says it/],
    [
      service('port: 80, persistence: {engine: sip}'),
      /persistence\.engine: is for UDP, but the service is TCP/,
    ],
    [service('port: 80, sloppy_tcp: true').replace('tcp', 'sctp'), /is for TCP, but the service is SCTP/],
    [service('port: 80, tunnel: {type: gre}'), /services\[0\]\.tunnel: nobody is reached by a tunnel here/],
    [
      service('port: 80, method: tunnel, tunnel: {type: gue}'),
      /services\[0\]\.tunnel\.port: missing; expected the UDP port/,
    ],
    [service('port: 80, method: tunnel, tunnel: {type: gre, port: 7}'), /tunnel\.port: gre has no ports/],
    [
      service('port: 80, method: tunnel, tunnel: {type: gre, checksum: remote}'),
      /tunnel\.checksum: gre has no checksum of that kind; expected one of none, full/,
    ],
    [
      `${service('port: 80')}sync_daemons: {master: {group: 192.0.2.1}}\n`,
      /sync_daemons\.master\.group: "192.0.2.1" is not a multicast address/,
    ],
  ])('is refused: %s', (text, reason) => {
    const found = problems(`dataplane: ipvs\n${BASE}${text}`);
    expect(found.join('\n')).toMatch(reason);
    expect(found.length).toBe(1);
  });
});
