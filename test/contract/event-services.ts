/** The services that random packets meet. */
import { flagsOf, SCHEDULERS, type VirtualService } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { at } from './site.ts';

/** Ticks that time moves by; time-outs lie halfway between two multiples, so that a slow run changes nothing. */
export const STEP = 1_000_000;

const timeouts = Object.fromEntries(
  Object.keys(DEFAULT_TIMEOUTS).map((state, i) => [state, (i + 1) * STEP + STEP / 2]),
) as unknown as typeof DEFAULT_TIMEOUTS;

const server = (address: string, port: number, weight: number) => ({ address: at(address), port, weight });
const service = (
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  scheduler: VirtualService['scheduler'],
  ...servers: VirtualService['servers']
): VirtualService => ({ protocol, address: at(address), port, scheduler, timeouts, servers });

/** Their virtual addresses, but for those of prefixes. */
export const VIP4 = '203.0.113.100';
export const VIP6 = '2001:db8:113::100';
const servers4 = [3, 0, 1].map((weight, i) => server(`192.168.1.${101 + i}`, 80, weight));
const servers6 = [2, 1, 0].map((weight, i) => server(`fd00:192:168:1::${101 + i}`, 80, weight));

/** A service of each scheduler, one server of which is drained; those that know flags also with all of them. */
const byScheduler = SCHEDULERS.flatMap((scheduler, i): VirtualService[] => {
  const flags = flagsOf(scheduler);
  const of = (more: number) =>
    i % 2 === 0
      ? service('tcp', VIP4, 100 + 20 * more + i, scheduler, ...servers4)
      : service('tcp', VIP6, 100 + 20 * more + i, scheduler, ...servers6);
  return flags.length === 0 ? [of(0)] : [of(0), { ...of(1), scheduler_flags: flags }];
});

/** Each scheduler's again, with servers that are overloaded by a few connections. */
const byThresholds = SCHEDULERS.map((scheduler, i): VirtualService => {
  const limits = [
    { upper_threshold: 2 },
    { upper_threshold: 3, lower_threshold: 1 },
    { upper_threshold: 1, lower_threshold: 1 },
  ];
  const limited = (servers: VirtualService['servers']) =>
    servers.map((one, at) => ({ ...one, ...limits[(i + at) % (i % 3 === 0 ? 2 : 3)] }));
  const of =
    i % 2 === 0
      ? service('tcp', VIP6, 160 + i, scheduler, ...limited(servers6))
      : service('tcp', VIP4, 160 + i, scheduler, ...limited(servers4));
  // Long cycles, of which turns are computed.
  const heavy = of.servers.map((one, at) => ({ ...one, weight: one.weight === 0 ? 0 : 30_011 + 7 * at }));
  return scheduler === 'wrr' ? { ...of, servers: heavy } : of;
});

const PAIR4 = ['192.168.1.104', '192.168.1.105'];
const PAIR6 = ['fd00:192:168:1::104', 'fd00:192:168:1::105'];

const ranges = (...ports: readonly (number | readonly [number, number])[]) =>
  ports
    .map((port) => (typeof port === 'number' ? [port, port] : port))
    .map(([first, last]) => ({
      first: first!,
      last: last!,
    }));

/** Services that share servers, change ports, have nobody to send to, or no way there. */
export const SERVICES: readonly VirtualService[] = [
  service('tcp', VIP4, 80, 'rr', server('192.168.1.101', 80, 1), server('192.168.1.102', 80, 1)),
  service('tcp', VIP4, 81, 'wlc', server('192.168.1.101', 80, 1), server('192.168.1.102', 8080, 2)),
  service(
    'udp',
    VIP4,
    53,
    'wrr',
    server('192.168.1.101', 53, 2),
    server('192.168.1.102', 53, 1),
    server('192.168.1.103', 53, 0),
  ),
  service('udp', VIP4, 54, 'rr', server('192.168.1.101', 53, 1)),
  service('tcp', VIP6, 80, 'wlc', server('fd00:192:168:1::101', 80, 1), server('fd00:192:168:1::102', 80, 3)),
  service('udp', VIP6, 53, 'rr', server('fd00:192:168:1::101', 53, 1)),
  service('tcp', VIP6, 81, 'lc', server('fd00:192:168:1::101', 80, 1)),
  // Persistent: clients by themselves, in networks, and at whatever port.
  {
    ...service('tcp', VIP4, 84, 'rr', ...PAIR4.map((address) => server(address, 80, 1))),
    persistence: { timeout: 2.5 * STEP, granularity: 32 },
  },
  {
    ...service('udp', VIP4, 0, 'rr', ...PAIR4.map((address) => server(address, 0, 1))),
    persistence: { timeout: 1.5 * STEP, granularity: 31 },
  },
  {
    ...service('tcp', VIP6, 0, 'wlc', ...PAIR6.map((address) => server(address, 0, 1))),
    persistence: { timeout: 3.5 * STEP, granularity: 127 },
  },
  service('tcp', VIP4, 82, 'lc', server('192.168.1.101', 80, 0)),
  // Of several ports and addresses, one inside the other, next to some of those above, and persistent.
  {
    ...service('tcp', VIP4, 443, 'rr', ...PAIR4.map((address) => server(address, 0, 1))),
    ports: ranges(443, [8000, 8100]),
    persistence: { timeout: 2.5 * STEP, granularity: 31 },
  },
  {
    ...service('udp', '203.0.113.96', 53, 'wrr', ...PAIR4.map((address, i) => server(address, 0, 1 + i))),
    prefix_length: 28,
    ports: ranges([50, 60], 443),
  },
  {
    ...service('tcp', '203.0.113.96', 8000, 'sh', ...PAIR4.map((address) => server(address, 8080, 1))),
    prefix_length: 29,
    ports: ranges([8000, 8200]),
  },
  {
    ...service('tcp', '203.0.113.64', 0, 'lc', ...PAIR4.map((address) => server(address, 0, 1))),
    prefix_length: 26,
    persistence: { timeout: 1.5 * STEP, granularity: 32 },
  },
  {
    ...service('tcp', '2001:db8:113::100', 80, 'rr', ...PAIR6.map((address) => server(address, 0, 1))),
    prefix_length: 120,
    ports: ranges(80, 443),
    persistence: { timeout: 2.5 * STEP, granularity: 127 },
  },
  {
    ...service('udp', VIP6, 443, 'wlc', ...PAIR6.map((address) => server(address, 53, 1))),
    ports: ranges(443, [5000, 5001]),
  },
  // Nobody is there: another stands in, remembered by none of its clients, or nothing is said.
  {
    ...service('tcp', VIP4, 85, 'ovf', server('192.168.1.101', 80, 2)),
    persistence: { timeout: 2.5 * STEP, granularity: 31 },
    sorry_server: server('192.168.1.103', 8080, 0),
  },
  {
    ...service('udp', VIP6, 54, 'rr', server('fd00:192:168:1::102', 53, 0)),
    sorry_server: server('fd00:192:168:1::101', 53, 0),
  },
  { ...service('tcp', VIP6, 85, 'sh', server('fd00:192:168:1::101', 80, 0)), no_server: 'drop' },
  service('tcp', VIP4, 83, 'rr', server('10.9.9.9', 80, 1)),
  ...byScheduler,
  ...byThresholds,
  {
    ...service('tcp', VIP4, 86, 'rr', { ...server('192.168.1.101', 80, 1), upper_threshold: 1 }),
    persistence: { timeout: 2.5 * STEP, granularity: 32 },
  },
  { ...service('tcp', VIP4, 87, 'rr', server('192.168.1.104', 80, 1)), secure_tcp: true },
  {
    ...service('tcp', VIP6, 87, 'rr', server('fd00:192:168:1::104', 80, 1)),
    secure_tcp: true,
    sloppy_tcp: true,
  },
  {
    ...service('tcp', VIP4, 88, 'wlc', server('192.168.1.104', 80, 1), server('192.168.1.105', 80, 0)),
    sloppy_tcp: true,
    persistence: { timeout: 2.5 * STEP, granularity: 32, expire_quiescent_template: true },
  },
  service(
    'udp',
    VIP4,
    56,
    'wrr',
    { ...server('192.168.1.101', 53, 2), upper_threshold: 2 },
    server('192.168.1.102', 53, 1),
  ),
  // Connections of one packet: a server shared with a service that keeps them, several clients to a server, nobody there,
  // and no way there.
  {
    ...service('udp', VIP4, 57, 'rr', server('192.168.1.102', 53, 1), server('192.168.1.106', 5353, 1)),
    one_packet: true,
  },
  {
    ...service('udp', VIP6, 57, 'wrr', ...PAIR6.map((address, i) => server(address, 57, 1 + i))),
    one_packet: true,
    persistence: { timeout: 2.5 * STEP, granularity: 127 },
  },
  {
    ...service('udp', VIP6, 58, 'sh', server('fd00:192:168:1::106', 58, 0)),
    one_packet: true,
    sorry_server: server('fd00:192:168:1::107', 5858, 0),
  },
  { ...service('udp', VIP4, 58, 'rr', server('10.9.9.9', 58, 1)), one_packet: true },
];
