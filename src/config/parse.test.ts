import { describe, expect, it } from 'vitest';
import type { Config } from '../core/model/config.ts';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';
import { MAX_ALIASED } from './tree.ts';

/** A right file; `more` is added below it, and each pair of `changes` replaces a text in it. */
function sample(more = '', ...changes: readonly [string, string][]): string {
  const text = `director: {public: [eth0, eth2], private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    servers:
      - {address: 192.168.1.101}
${more}`;
  return changes.reduce((now, [from, to]) => now.replace(from, to), text);
}

function right(text: string): Config {
  const result = parseConfig(text, 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

function wrong(text: string): readonly string[] {
  const result = parseConfig(text, 'f');
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('a right file', () => {
  it('has its defaults filled in', () => {
    const config = right(
      sample('vips: [{address: 203.0.113.100/24}]\nmasquerade: [{source: 192.168.1.7/24}]\n'),
    );
    expect(config).toMatchObject({
      vips: [{ address: '203.0.113.100', length: 24, interface: 'eth0' }],
      services: [{ scheduler: 'wlc', timeouts: { established: 900_000, udp: 300_000 } }],
      masquerade: [{ source: { address: '192.168.1.0', length: 24 }, interface: 'eth0' }],
      limits: { connections_ipv4: 1_048_576, services: 4_096 },
    });
    expect(config.services[0]?.servers).toEqual([{ address: '192.168.1.101', port: 80, weight: 1 }]);
    expect(config.vips[0]).not.toHaveProperty('label');
    expect(config.interfaces.map((one) => `${one.side} ${one.name}`)).toEqual([
      'public eth0',
      'public eth2',
      'private eth1',
    ]);
  });

  it('may have services without servers, none at all, and addresses that are no VIP of ours', () => {
    expect(right(sample('', ['\n      - {address: 192.168.1.101}', ' []'])).services[0]?.servers).toEqual([]);
    expect(right('director: {public: a, private: b}\nservices: []').services).toEqual([]);
    expect(right(sample('vips: [{address: 203.0.113.7/24}]')).vips).toHaveLength(1);
  });

  it('has clients remembered as long, and grouped as wide, as it says or as ipvsadm would', () => {
    const persistence = (text: string, ...changes: readonly [string, string][]) =>
      right(sample('', ['    servers', `    persistence: ${text}\n    servers`], ...changes)).services[0]
        ?.persistence;
    const [v6, server6] = [
      ['203.0.113.100', '2001:db8::1'],
      ['192.168.1.101', '2001:db8::2'],
    ] as const;
    expect(right(sample()).services[0]).not.toHaveProperty('persistence');
    expect(persistence('{}')).toEqual({ timeout: 300_000, granularity: 32 });
    expect(persistence('{}', [...v6], [...server6])).toEqual({ timeout: 300_000, granularity: 128 });
    expect(persistence('{timeout: 31d, granularity: 24}')).toEqual({
      timeout: 2_678_400_000,
      granularity: 24,
    });
  });

  it('may have a persistent service of every port, whose servers have none', () => {
    const anyPort = (port: string) =>
      right(
        sample('', ['port: 80', 'port: 0\n    persistence: {}'], ['192.168.1.101', `192.168.1.101${port}`]),
      ).services[0]!;
    expect(anyPort('')).toMatchObject({ port: 0, servers: [{ port: 0 }] });
    expect(anyPort(', port: 0').servers).toEqual([{ address: '192.168.1.101', port: 0, weight: 1 }]);
  });

  it('spells kernel parameters one way', () => {
    const names = `host:
  sysctls:
    net/ipv4/conf/eth0.7/rp_filter: 1
    net.ipv4.conf.eth1/8.rp_filter: "0"
    net.ipv4.tcp_rmem: [4096, 87380, 6291456]
    net.ipv4.tcp_congestion_control: cubic
`;
    expect([...right(sample(names)).sysctls]).toEqual([
      ['net.ipv4.conf.eth0/7.rp_filter', '1'],
      ['net.ipv4.conf.eth1/8.rp_filter', '0'],
      ['net.ipv4.tcp_rmem', '4096 87380 6291456'],
      ['net.ipv4.tcp_congestion_control', 'cubic'],
    ]);
  });

  it('may repeat itself by aliases', () => {
    const text = sample('timeouts: &t {udp: 1m}', [
      '    port: 80\n',
      '    port: 80\n    timeouts: {fin_wait: 7s}\n',
    ]);
    expect(right(text).services[0]?.timeouts).toMatchObject({ udp: 60_000, fin_wait: 7_000, close: 10_000 });
    const shared = right(
      `director: {public: &p eth0, private: eth1}\nvips: [{address: 10.0.0.1/8, interface: *p}]\nservices: []`,
    );
    expect(shared.vips[0]?.interface).toBe('eth0');
  });
});

describe('a wrong file', () => {
  const one = (more: string, message: string, ...changes: readonly [string, string][]) => ({
    more,
    message,
    changes,
  });
  const server = (text: string): [string, string] => ['{address: 192.168.1.101}', text];
  it.each([
    one(
      '',
      'f:1:1: director.private: missing; expected a name such as eth0, or a list such as [eth0, eth2]',
      [', private: eth1', ''],
    ),
    one('', 'f:1:1: director: missing; expected a group of keys', [/^.*\n/.exec(sample())![0], '']),
    one('', 'f:1:44: director.private[0]: eth0 is public already and cannot be private too (line 1)', [
      'private: eth1',
      'private: [eth0]',
    ]),
    one(
      '',
      'f:1:21: director.public[0]: "eth0:0" has a ":", as labels do; expected 1 to 15 bytes without "/", ":" or white space; did you mean "eth0"?',
      ['eth0', 'eth0:0'],
    ),
    one('vips:', 'f:8:1: vips: has no value; expected a list'),
    one('vips: 7', 'f:8:7: vips: 7 is not a list'),
    one(
      '    scheduler: sh\n    scheduler_flags: [sh-port, mh-fallback]',
      'f:9:32: services[0].scheduler_flags[1]: mh-fallback is a flag of the scheduler mh, but the service has sh; expected one of sh-fallback, sh-port; did you mean "sh-fallback"?',
    ),
    one(
      '    scheduler_flags: [sh-port]',
      'f:8:23: services[0].scheduler_flags[0]: sh-port is a flag of the scheduler sh, but the service has wlc; expected no flags, or scheduler: sh',
    ),
    one(
      '    scheduler: mh\n    scheduler_flags: [mh-port, mh-port]',
      'f:9:32: services[0].scheduler_flags[1]: mh-port is listed already (line 9)',
    ),
    one(
      '    scheduler: mh\n    scheduler_flags: [mh-prot]',
      'f:9:23: services[0].scheduler_flags[0]: "mh-prot" is not a scheduler flag; expected one of sh-fallback, sh-port, mh-fallback, mh-port; did you mean "mh-port"?',
    ),
    one(
      'vips: [{address: 10.0.0.1/33}]',
      'f:8:18: vips[0].address: "10.0.0.1/33" is not an address with a prefix length; expected an address such as 203.0.113.100/24 or 2001:db8::100/64',
    ),
    one(
      'vips: [{address: 10.0.0.1/8}, {address: 10.0.0.1/16, interface: eth1}]',
      'f:8:41: vips[1].address: 10.0.0.1 is a VIP already (line 8)',
    ),
    one(
      'vips: [{address: 10.0.0.1/8, interface: eth3}]',
      'f:8:41: vips[0].interface: "eth3" is not one of the director\'s interfaces; expected one of eth0, eth2, eth1; did you mean "eth0"?',
    ),
    one(
      'vips: [{address: 10.0.0.1/8, label: "eth1:0"}]',
      'f:8:37: vips[0].label: "eth1:0" does not begin with the interface\'s name; expected a label such as eth0:0; did you mean "eth0:0"?',
    ),
    one(
      'vips: [{address: "2001:db8::1/64", label: "eth0:0"}]',
      'f:8:43: vips[0].label: an IPv6 address cannot have a label; expected no such key',
    ),
    one(
      '',
      'f:4:14: services[0].address: "239.1.1.1" is a multicast address; expected an address that one host has and others can reach',
      ['203.0.113.100', '239.1.1.1'],
    ),
    one(
      '',
      'f:7:19: services[0].servers[0].address: "127.0.0.1" is a loopback address, which never leaves its host; expected an address that one host has and others can reach',
      ['192.168.1.101', '127.0.0.1'],
    ),
    one(
      '',
      'f:7:19: services[0].servers[0].address: 203.0.113.100 is a virtual IP of this director; a server needs its own address',
      ['192.168.1.101', '203.0.113.100'],
    ),
    one(
      '',
      'f:7:19: services[0].servers[0].address: 2001:db8::1 is IPv6, but the service is IPv4; expected an IPv4 address',
      ['192.168.1.101', '"2001:db8::1"'],
    ),
    one('', 'f:7:36: services[0].servers[1]: 192.168.1.101:80 is a server of this service already (line 7)', [
      '\n      - {address: 192.168.1.101}',
      '\n        [{address: 192.168.1.101}, {address: 192.168.1.101, port: 80}]',
    ]),
    one(
      '',
      'f:7:41: services[0].servers[0].weight: 1.5 is not a weight; expected a whole number from 0 to 65,535',
      server('{address: 192.168.1.101,weight: 1.5}'),
    ),
    one(
      '',
      'f:7:9: services[0].servers[0]: "192.168.1.101" is not a server; expected a group of keys such as {address',
      server('192.168.1.101'),
    ),
    one(
      'timeouts: {close: 15}',
      'f:8:19: timeouts.close: 15 has no unit; expected numbers with the units d, h, m, s, ms, such as 90s or 1h30m; did you mean "15s"?',
    ),
    one('timeouts: {close: 500ms}', 'f:8:19: timeouts.close: "500ms" is too short; expected 1s to 20d'),
    one('timeouts: {close: 21d}', 'f:8:19: timeouts.close: "21d" is too long; expected 1s to 20d'),
    one('timeouts: {Fin-Wait: 5s}', 'did you mean "fin_wait"?'),
    one(
      'masquerade: [{source: 10.0.0.1/8}, {source: 10.9.9.9/8}]',
      'f:8:36: masquerade[1]: 10.0.0.0/8 is masqueraded already (line 8)',
    ),
    one(
      'host: {sysctls: {ipv4.ip_forward: 1}}',
      'f:8:18: host.sysctls["ipv4.ip_forward"]: not a net parameter; expected a name such as net.ipv4.tcp_fin_timeout; did you mean "net.ipv4.ip_forward"?',
    ),
    one(
      'host: {sysctls: {net.core.x: 1, net/core/x: 2}}',
      'f:8:33: host.sysctls["net/core/x"]: this parameter is there already, spelled otherwise (line 8)',
    ),
    one(
      'limits: {half_open: 8}',
      'f:8:21: limits.half_open: 8 is too small; expected a whole number from 16 to 1,048,576, which may end in K (× 1,024) or M (× 1,048,576)',
    ),
    one('limits: {services: 0}', 'is too small'),
    one(
      'limits: {servers: 1}',
      'f:7:19: limits.servers: 2 servers are configured, and limits.servers allows 1',
      ['\n      - {address: 192.168.1.101}', ' [{address: 10.0.0.1}, {address: 10.0.0.2}]'],
    ),
    one('__proto__: {}', 'f:8:1: __proto__: unknown key'),
    one('? [a]\n: b', 'a key must be a plain word'),
    one('port: 1\nport: 2', 'f:9:1: port: this key is there already (line 8)'),
  ])('$message', ({ more, message, changes }) => {
    expect(wrong(sample(more, ...changes)).join('\n')).toContain(message);
  });

  it.each([
    'net.ipv4.../x',
    'net.//.x',
    'net/../kernel/x',
    'net..x',
    'net.',
    'kernel.net.x',
    'net.a b',
    'net',
    'net.x/',
  ])('never takes a parameter out of /proc/sys/net: %s', (name) => {
    expect(wrong(sample(`host: {sysctls: {"${name}": 1}}`))).toHaveLength(1);
  });

  it.each(['"a\\nb"', 'true', '1.5', '""', '{a: 1}', '[a]', '"\\e[0m"', `"${'x'.repeat(257)}"`])(
    'takes no other value for a parameter: %s',
    (value) => {
      expect(wrong(sample(`host: {sysctls: {net.core.x: ${value}}}`))).toHaveLength(1);
    },
  );

  it('has too many servers', () => {
    const servers = Array.from({ length: 1025 }, (_, i) => `{address: 10.0.${i >> 8}.${i & 255}}`).join(', ');
    const text = sample('', ['\n      - {address: 192.168.1.101}', ` [${servers}]`]);
    expect(wrong(text)).toEqual([
      'f:6:14: services[0].servers: 1025 items are too many; expected a list of at most 1024 servers',
    ]);
  });
});

describe('a file that is no configuration at all', () => {
  it.each([
    ['', 'f:1:1: the file is empty; expected director and services'],
    ['# only a comment\n', 'the file is empty'],
    [
      'just text',
      'f:1:1: "just text" is not a configuration; expected the keys director and services at least',
    ],
    [`${sample()}---\n${sample()}`, 'f:8:1: a second document begins here; a configuration is one document'],
    [`# ${'x'.repeat(16 * 1024 * 1024)}`, 'f:1:1: the file is larger than 16 MiB'],
    ['['.repeat(1_000_000), 'too many levels, one inside the other'],
    ['- '.repeat(100_000), 'too many levels, one inside the other'],
    ['a: *b', 'f:1:4: a: no anchor &b stands before this alias'],
    ['a: &a [*a]', 'the alias *a lies inside what it repeats'],
  ])('%.40s', (text, message) => {
    expect(wrong(text).join('\n')).toContain(message);
  });

  it('may be an alias bomb, which does not go off', () => {
    const level = (i: number) =>
      `l${i}: &l${i} [${Array(10)
        .fill(`*l${i - 1}`)
        .join(', ')}]`;
    const bomb = ['l0: &l0 [x, x]', ...Array.from({ length: 20 }, (_, i) => level(i + 1))].join('\n');
    expect(
      wrong(bomb).filter((line) => line.includes(`repeat more than ${MAX_ALIASED} values`)),
    ).toHaveLength(1);
  });
});

describe('syntax errors', () => {
  it('are reported together with mistakes elsewhere', () => {
    const text = sample('timeouts: {close: 15}\nlimits:\n  services 5\n  servers: 1\n', ['tcp', 'tpc']);
    expect(wrong(text)).toMatchInlineSnapshot(`
      [
        "f:3:15: services[0].protocol: "tpc" is not a protocol; expected one of tcp, udp, sctp; did you mean "tcp"?",
        "f:8:19: timeouts.close: 15 has no unit; expected numbers with the units d, h, m, s, ms, such as 90s or 1h30m; did you mean "15s"?",
        "f:10:3: this is not a "key: value" line; is the colon, or the space after it, missing?",
      ]
    `);
  });

  it.each([
    ['\tx: 1', 'a tab cannot indent'],
    ['vips: [', 'f:8:8:'],
    ['x: a: b', 'needs quotes'],
    ['x: "open', 'no quote at its end'],
    ['vips:\n- {a: 1\n- {b: 2}', 'a bracket opened above is not closed'],
    ['x: !foo 1', 'tags'],
  ])('%s', (more, message) => {
    expect(wrong(sample(more)).join('\n')).toContain(message);
  });
});

describe('persistence', () => {
  const persistent = (text: string): [string, string] => [
    '    servers',
    `    persistence: ${text}\n    servers`,
  ];
  it.each([
    [sample('', ['port: 80', 'port: 0']), 'services[0].port: 0 stands for every port, which only'],
    [sample('', persistent('{timeout: 999ms}')), 'services[0].persistence.timeout: "999ms" is too short'],
    [sample('', persistent('{timeout: 32d}')), 'services[0].persistence.timeout: "32d" is too long'],
    [sample('', persistent('{granularity: 33}')), 'services[0].persistence.granularity: 33 is longer than'],
    [sample('', persistent('{granularity: 0}')), 'services[0].persistence.granularity: 0 is not a prefix'],
    [
      sample('', ['192.168.1.101', '192.168.1.101, port: 0']),
      'services[0].servers[0].port: 0 stands for every port, which this service does not have',
    ],
    [
      sample('', ['port: 80', 'port: 0'], persistent('{}'), ['192.168.1.101', '192.168.1.101, port: 80']),
      'services[0].servers[0].port: a service of every port reaches each at the port that the client asks for',
    ],
  ])('is refused where it makes no sense: %#', (text, message) => {
    const problems = wrong(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });
});
