/** Pings on real networks, by a raw socket and by a datagram socket: answers, silence, and the errors of routers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/checks/outcome.ts';
import type { Address } from '../../src/core/address/address.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { compiled } from '../support/compiled.ts';
import type { PingWanted } from './ping-driver.ts';

/** As a process whose group may ping, or may not, and which has no CAP_NET_RAW. */
const WITHOUT_RAW = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];
const GROUP_ONE_ONLY = { 'net.ipv4.ping_group_range': '1 1' };
const ALL_GROUPS = { 'net.ipv4.ping_group_range': '0 2147483647' };

const driver = compiled('ping-driver.ts', import.meta.url);

let lab: Lab;
const pings = async (
  targets: readonly (Partial<Omit<PingWanted, 'address' | 'source'>> & {
    address: string;
    source?: string;
  })[],
  by: readonly string[] = [],
): Promise<readonly Outcome[]> => {
  const wanted = targets.map((one) => ({ size: 56, timeout: 20_000, ...one }) as PingWanted);
  const argv = [process.execPath, driver(), JSON.stringify(wanted)];
  return JSON.parse(await lab.run(lab.director, [...by, ...argv]));
};
const answered: Outcome = { outcome: 'passed', reason: 'answered' };
const failed = (reason: string): Outcome => ({ outcome: 'failed', reason });

beforeAll(async () => {
  lab = await createLab({ prefix: 'weirping' });
  const [, second, third] = lab.servers;
  const ip = (line: string) => lab.run(lab.director, ['ip', ...line.split(' ')]);
  // The first server is a router, too, who knows where some networks are not.
  const route = (line: string) => lab.run(lab.servers[0]!, ['ip', ...line.split(' ')]);
  await lab.sysctl(lab.servers[0]!, {
    ...{ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
    ...{ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 },
  });
  await route('route add prohibit 10.1.0.0/16');
  await route('-6 route add prohibit fd01::/16');
  await route('-6 route add unreachable fd02::/16');
  await ip(`route add 10.1.0.0/16 via ${lab.servers[0]!.ipv4}`);
  await ip(`-6 route add fd01::/16 via ${lab.servers[0]!.ipv6}`);
  await ip(`-6 route add fd02::/16 via ${lab.servers[0]!.ipv6}`);
  await lab.sysctl(lab.director, {
    // How long it takes until nobody has answered ARP, a third of it.
    ...{ 'net.ipv4.neigh.eth1.retrans_time_ms': 100, 'net.ipv6.neigh.eth1.retrans_time_ms': 100 },
  });
  await lab.sysctl(second!, { 'net.ipv4.icmp_echo_ignore_all': 1, 'net.ipv6.icmp.echo_ignore_all': 1 });
  await lab.run(third!, ['ip', 'link', 'set', 'eth0', 'mtu', '1400']);
});
afterAll(() => lab?.close());

describe.each([
  ['a raw socket', [], GROUP_ONE_ONLY],
  ['a datagram socket', WITHOUT_RAW, ALL_GROUPS],
] as const)('by %s', (_, by, sysctls) => {
  beforeAll(() => lab.sysctl(lab.director, sysctls));

  it('each answer, refusal and silence is told of its own target', async () => {
    const [up, silent, small] = lab.servers as unknown as [
      { ipv4: Address; ipv6: Address },
      { ipv4: Address; ipv6: Address },
      { ipv4: Address },
    ];
    const results = await pings(
      [
        ...[16, 56, 1_472, 8_000].flatMap((size) => [
          { address: up.ipv4, size },
          { address: up.ipv6, size },
        ]),
        { address: up.ipv4, source: '192.168.1.1' },
        { address: up.ipv6, source: 'fd00:192:168:1::1' },
        { address: small.ipv4, size: 1_000 },
        { address: silent.ipv4, timeout: 300 },
        { address: silent.ipv6, timeout: 300 },
        { address: '10.1.2.3' },
        { address: 'fd01::3' },
        { address: 'fd02::3' },
        { address: '10.99.0.1' },
        { address: up.ipv4, source: '192.168.1.77' },
        // Nobody has it: the kernel says so when nobody answers ARP.
        { address: '192.168.1.250' },
        { address: 'fd00:192:168:1::250' },
      ],
      by,
    );
    expect(results.slice(0, 11)).toEqual(Array(11).fill(answered));
    expect(results.slice(11)).toEqual([
      failed('no answer'),
      failed('no answer'),
      failed('prohibited by a firewall, says 192.168.1.101'),
      failed('prohibited by a firewall, says fd00:192:168:1::101'),
      failed('no route to it, says fd00:192:168:1::101'),
      failed('network unreachable'),
      { outcome: 'void', reason: 'the director has no such address, or no free port' },
      failed('host unreachable, says 192.168.1.1'),
      failed('address unreachable, says fd00:192:168:1::1'),
    ]);
  });

  it('as many at a time as there are checks', async () => {
    const targets = [lab.servers[0]!, lab.servers[2]!].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
    const results = await pings(
      Array.from({ length: 2_048 }, (_, at) => ({ address: targets[at % 4]! })),
      by,
    );
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(results.length).toBe(2_048);
  });
});

it('who may open neither says what is missing, and holds it against nobody', async () => {
  await lab.sysctl(lab.director, GROUP_ONE_ONLY);
  expect(
    await pings([{ address: lab.servers[0]!.ipv4 }, { address: lab.servers[0]!.ipv6 }], WITHOUT_RAW),
  ).toEqual(
    Array(2).fill({
      outcome: 'void',
      reason:
        'the director may not ping: it has no CAP_NET_RAW, and its group is not in net.ipv4.ping_group_range',
    }),
  );
});
