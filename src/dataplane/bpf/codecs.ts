/** The structs of bpf/contract.h as elements of maps. */
import * as contract from './contract.generated.ts';
import type { Codec } from './map.ts';

const { LAYOUTS } = contract;

/** A number of 32 bits. */
export const u32: Codec<number> = {
  size: 4,
  read: (view, at) => view.getUint32(at, true),
  write: (view, at, value) => view.setUint32(at, value, true),
};
/** A number of 64 bits. */
export const u64: Codec<bigint> = {
  size: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value) => view.setBigUint64(at, value, true),
};

const CODECS = {
  service_key: {
    size: LAYOUTS.weir_service_key.size,
    read: contract.readWeirServiceKey,
    write: contract.writeWeirServiceKey,
  },
  service: {
    size: LAYOUTS.weir_service.size,
    read: contract.readWeirService,
    write: contract.writeWeirService,
  },
  network_key: {
    size: LAYOUTS.weir_network_key.size,
    read: contract.readWeirNetworkKey,
    write: contract.writeWeirNetworkKey,
  },
  network: {
    size: LAYOUTS.weir_network.size,
    read: contract.readWeirNetwork,
    write: contract.writeWeirNetwork,
  },
  port_range: {
    size: LAYOUTS.weir_port_range.size,
    read: contract.readWeirPortRange,
    write: contract.writeWeirPortRange,
  },
  service_state: {
    size: LAYOUTS.weir_service_state.size,
    read: contract.readWeirServiceState,
    write: contract.writeWeirServiceState,
  },
  member: { size: LAYOUTS.weir_member.size, read: contract.readWeirMember, write: contract.writeWeirMember },
  turns: { size: LAYOUTS.weir_turns.size, read: contract.readWeirTurns, write: contract.writeWeirTurns },
  locality_key: {
    size: LAYOUTS.weir_locality_key.size,
    read: contract.readWeirLocalityKey,
    write: contract.writeWeirLocalityKey,
  },
  locality: {
    size: LAYOUTS.weir_locality.size,
    read: contract.readWeirLocality,
    write: contract.writeWeirLocality,
  },
  locality_server: {
    size: LAYOUTS.weir_locality_server.size,
    read: contract.readWeirLocalityServer,
    write: contract.writeWeirLocalityServer,
  },
  server: { size: LAYOUTS.weir_server.size, read: contract.readWeirServer, write: contract.writeWeirServer },
  thresholds: {
    size: LAYOUTS.weir_thresholds.size,
    read: contract.readWeirThresholds,
    write: contract.writeWeirThresholds,
  },
  elder_key: {
    size: LAYOUTS.weir_elder_key.size,
    read: contract.readWeirElderKey,
    write: contract.writeWeirElderKey,
  },
  one_packet_key: {
    size: LAYOUTS.weir_one_packet_key.size,
    read: contract.readWeirOnePacketKey,
    write: contract.writeWeirOnePacketKey,
  },
  audit: { size: LAYOUTS.weir_audit.size, read: contract.readWeirAudit, write: contract.writeWeirAudit },
  traffic: {
    size: LAYOUTS.weir_traffic.size,
    read: contract.readWeirTraffic,
    write: contract.writeWeirTraffic,
  },
  bucket: { size: LAYOUTS.weir_bucket.size, read: contract.readWeirBucket, write: contract.writeWeirBucket },
  connection4: {
    size: LAYOUTS.weir_connection4.size,
    read: contract.readWeirConnection4,
    write: contract.writeWeirConnection4,
  },
  connection6: {
    size: LAYOUTS.weir_connection6.size,
    read: contract.readWeirConnection6,
    write: contract.writeWeirConnection6,
  },
  settings: {
    size: LAYOUTS.weir_settings.size,
    read: contract.readWeirSettings,
    write: contract.writeWeirSettings,
  },
  tally: { size: LAYOUTS.weir_tally.size, read: contract.readWeirTally, write: contract.writeWeirTally },
} as const;

/** How an element of a map, a struct of contract.h by its name without `weir_`, is read and written. */
export function codecOf<N extends keyof typeof CODECS>(name: N): (typeof CODECS)[N] {
  return CODECS[name];
}
