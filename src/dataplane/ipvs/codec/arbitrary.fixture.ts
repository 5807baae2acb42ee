/** Random values of the family IPVS, for property tests. */
import fc from 'fast-check';
import { addressFromBytes } from '../../../core/address/address.ts';
import { u32 } from '../../../kernel/netlink/bytes.ts';
import {
  IPVS_DAEMON_STATES,
  IPVS_FORWARDS,
  IPVS_TUNNELS,
  type IpvsDaemon,
  type IpvsServer,
  type IpvsService,
  type IpvsServiceId,
} from './values.ts';

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes);
const anyU16 = fc.nat({ max: 0xffff });
const anyU32 = fc.nat({ max: 0xffff_ffff });
const word = (most: number) => fc.stringMatching(/^[a-z0-9]+$/).map((text) => text.slice(0, most));

export const anyId: fc.Arbitrary<IpvsServiceId> = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    address: fc.oneof(ipv4, ipv6),
    port: anyU16,
  }),
  fc.record({ fwmark: anyU32, family: fc.constantFrom(4, 6) }),
);

const isIpv4 = (id: IpvsServiceId): boolean => ('fwmark' in id ? id.family === 4 : !id.address.includes(':'));

export const anyService: fc.Arbitrary<IpvsService> = anyId.chain((id) =>
  fc.record(
    {
      id: fc.constant(id),
      scheduler: word(15),
      flags: fc.nat({ max: 0x3f }),
      timeout: anyU32,
      netmask: isIpv4(id) ? anyU32.map((bits) => addressFromBytes(u32(bits))) : fc.nat({ max: 128 }),
      pe: word(15),
    },
    { requiredKeys: ['id', 'scheduler', 'flags', 'timeout', 'netmask'] },
  ),
);

const tunnel = fc.record({ type: fc.constantFrom(...IPVS_TUNNELS), port: anyU16, flags: anyU16 });

export const anyServer: fc.Arbitrary<IpvsServer> = fc
  .record(
    {
      address: fc.oneof(ipv4, ipv6),
      port: anyU16,
      forward: fc.constantFrom(...IPVS_FORWARDS),
      weight: fc.nat({ max: 0x7fff_ffff }),
      upper_threshold: anyU32,
      lower_threshold: anyU32,
      tunnel,
    },
    {
      requiredKeys: ['address', 'port', 'forward', 'weight', 'upper_threshold', 'lower_threshold'],
    },
  )
  .map(({ tunnel: carrier, ...server }) => ({
    ...server,
    ...(server.forward === 'tunnel' && carrier && { tunnel: carrier }),
  }));

export const anyDaemon: fc.Arbitrary<IpvsDaemon> = fc.record(
  {
    state: fc.constantFrom(...IPVS_DAEMON_STATES),
    mcast_interface: word(15),
    sync_id: fc.nat({ max: 255 }),
    sync_maxlen: anyU16,
    mcast_group: fc.oneof(ipv4, ipv6),
    mcast_port: anyU16,
    mcast_ttl: fc.nat({ max: 255 }),
  },
  { requiredKeys: ['state', 'mcast_interface', 'sync_id'] },
);
