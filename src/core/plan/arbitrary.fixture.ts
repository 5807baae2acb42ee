/** Random states for the property tests of plans: few names, so that two states often share some. */
import fc from 'fast-check';
import { addressFromBytes } from '../address/address.ts';
import { type DirectorInterface, FORWARDINGS, masqueradeKey, vipKey } from '../model/host.ts';
import { flagsOf, SCHEDULERS, serviceKey } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { DEFAULT_SYNC_GROUP, SYNC_ROLES, type SyncDaemon } from '../model/sync-daemon.ts';
import type { DirectorState } from './states.ts';

const address = fc
  .integer({ min: 1, max: 6 })
  .map((host) => addressFromBytes(Uint8Array.of(192, 0, 2, host)));
const port = fc.constantFrom(53, 80);
const name = fc.constantFrom('eth0', 'eth1', 'eth2');

const server = fc.record(
  {
    address,
    port,
    weight: fc.integer({ min: 0, max: 3 }),
    upper_threshold: fc.constantFrom(10, 20),
    lower_threshold: fc.constantFrom(5, 10),
    method: fc.constantFrom('direct', 'tunnel'),
  },
  { requiredKeys: ['address', 'port', 'weight'] },
);
const persistence = fc.constantFrom(
  { timeout: 300_000, granularity: 32 },
  { timeout: 60_000, granularity: 24 },
  { timeout: 60_000, granularity: 24, expire_quiescent_template: true as const },
);
const scheduled = fc
  .constantFrom(...SCHEDULERS)
  .chain((scheduler) =>
    fc
      .subarray([...flagsOf(scheduler)])
      .map((flags) => ({ scheduler, ...(flags.length === 0 ? {} : { scheduler_flags: flags }) })),
  );
const service = fc
  .record(
    {
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      address,
      port,
      scheduled,
      timeouts: fc.constantFrom(DEFAULT_TIMEOUTS, { ...DEFAULT_TIMEOUTS, established: 60_000 }),
      servers: fc.uniqueArray(server, { maxLength: 5, selector: (one) => `${one.address}:${one.port}` }),
      persistence,
      ports: fc.constantFrom(
        [
          { first: 53, last: 53 },
          { first: 443, last: 443 },
        ],
        [{ first: 8000, last: 8100 }],
      ),
      prefix_length: fc.constantFrom(28, 30),
      sorry_server: fc.record({ address, port }),
      no_server: fc.constant('drop' as const),
      on_down: fc.constant('reset' as const),
      gone: fc.uniqueArray(fc.record({ address, port }), {
        minLength: 1,
        maxLength: 2,
        selector: (one) => `${one.address}:${one.port}`,
      }),
      sloppy_tcp: fc.constant(true as const),
      secure_tcp: fc.constant(true as const),
      one_packet: fc.constant(true as const),
    },
    { requiredKeys: ['protocol', 'address', 'port', 'scheduled', 'timeouts', 'servers'] },
  )
  .map(({ scheduled: how, ...rest }) => ({ ...rest, ...how }));
const side = fc.constantFrom('public' as const, 'private' as const);
const vip = fc
  .record({ address, length: fc.constantFrom(24, 32), interface: name, labelled: fc.boolean() })
  .map(({ labelled, ...rest }) => (labelled ? { ...rest, label: `${rest.interface}:0` } : rest));
const rule = fc.record({ source: fc.record({ address, length: fc.constant(24) }), interface: name });

const daemon: fc.Arbitrary<SyncDaemon> = fc.record({
  role: fc.constantFrom(...SYNC_ROLES),
  interface: name,
  sync_id: fc.nat(255),
  group: fc.constant(DEFAULT_SYNC_GROUP),
  port: fc.constantFrom(8848, 8849),
  ttl: fc.constantFrom(1, 8),
});

const keyed = <K, V>(values: readonly V[], key: (value: V) => K): ReadonlyMap<K, V> =>
  new Map(values.map((value) => [key(value), value]));

/** Any state; every one holds the same three kernel parameters. */
export const anyState: fc.Arbitrary<DirectorState> = fc
  .record({
    interfaces: fc.array(fc.record({ name, side }), { maxLength: 3 }),
    forwarding: fc.constantFrom(...FORWARDINGS),
    services: fc.array(service, { maxLength: 6 }),
    vips: fc.array(vip, { maxLength: 4 }),
    masquerade: fc.array(rule, { maxLength: 2 }),
    daemons: fc.uniqueArray(daemon, { maxLength: 2, selector: (one) => one.role }),
    values: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1)),
  })
  .map((parts) => ({
    interfaces: keyed<string, DirectorInterface>(parts.interfaces, (one) => one.name),
    forwarding: parts.forwarding,
    services: keyed(parts.services, serviceKey),
    vips: keyed(parts.vips, vipKey),
    masquerade: keyed(parts.masquerade, masqueradeKey),
    syncDaemons: keyed(parts.daemons, (one) => one.role),
    sysctls: new Map([
      ['net.ipv4.conf.eth0.rp_filter', String(parts.values[0])],
      ['net.ipv4.conf.all.send_redirects', String(parts.values[1])],
      ['net.ipv4.ip_forward', String(parts.values[2])],
    ]),
  }));
