/** The connection table as people see it. */
import { setImmediate } from 'node:timers/promises';
import { type Address, addressFromBytes, type Family } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import { TRACKED_STATES } from '../../core/model/state.ts';
import type { ConnectionFilter } from '../port.ts';
import {
  LAYOUTS,
  WEIR_GROUP_PROTOCOL,
  WEIR_STATE_NONE,
  WEIR_TEMPLATE_PROTOCOL,
} from './contract.generated.ts';
import { type Demand, demandsOf, passes, type ServiceNumber } from './demands.ts';
import type { Chunk } from './map.ts';
import { protocolOf } from './registry.ts';
import type { Tables } from './tables.ts';
import { swapPort } from './words.ts';

const HEAD = LAYOUTS.weir_connection.fields;
const PLACES = { 4: LAYOUTS.weir_connection4.fields, 6: LAYOUTS.weir_connection6.fields } as const;

/** What is needed to tell times: jiffies now, and how many there are in a second. */
export interface Clock {
  readonly now: number;
  readonly hz: number;
  /** Jiffies that a template stays after it was last found to control a connection. */
  readonly hold: number;
}

/** Live connections that pass the filter, IPv4 first; between chunks the event loop gets its turn. */
export async function* listConnections(
  tables: Tables,
  clock: () => Clock,
  filter: ConnectionFilter,
  numberOfService: ServiceNumber,
): AsyncGenerator<readonly Connection[]> {
  for (const family of [4, 6] as const) {
    const { high4, high6 } = tables.tally.get(0);
    const table = family === 4 ? tables.connections4 : tables.connections6;
    const demands = demandsOf(filter, family, numberOfService);
    if (demands === undefined) continue;
    for (const chunk of table.chunks(0, family === 4 ? high4 : high6)) {
      const found = readChunk(chunk, family, demands, clock());
      if (found.length > 0) yield found;
      await setImmediate();
    }
  }
}

function readChunk(chunk: Chunk, family: Family, demands: readonly Demand[], clock: Clock): Connection[] {
  const connections: Connection[] = [];
  for (let i = 0; i < chunk.count; i++) {
    const at = i * chunk.stride;
    const state = TRACKED_STATES[(chunk.view.getUint8(at + HEAD.word) & 0xf) - WEIR_STATE_NONE];
    if (state !== undefined && passes(chunk.view, at, demands))
      connections.push(readConnection(chunk.view, at, family, state, clock));
  }
  return connections;
}

function readConnection(
  view: DataView,
  at: number,
  family: Family,
  state: Connection['state'],
  { now, hz, hold }: Clock,
): Connection {
  const places = PLACES[family];
  const port = (offset: number) => swapPort(view.getUint16(at + offset, true));
  const address = (offset: number): Address =>
    addressFromBytes(new Uint8Array(view.buffer, view.byteOffset + at + offset, family === 4 ? 4 : 16));
  const timeout = Number((view.getBigUint64(at + HEAD.word, true) >> 4n) & 0xffffffffn);
  const since = (offset: number) => (now - view.getUint32(at + offset, true)) >>> 0;
  const protocol = view.getUint8(at + HEAD.protocol);
  // A connection's time-out is less than 2^31 jiffies; a template's need not be, and it holds another time besides.
  const left =
    state === 'TEMPLATE'
      ? Math.max(timeout - since(HEAD.last_seen), hold - since(HEAD.server_ifindex))
      : timeout - (since(HEAD.last_seen) | 0);
  return {
    protocol: protocolOf(protocol & ~(WEIR_TEMPLATE_PROTOCOL | WEIR_GROUP_PROTOCOL)),
    state,
    client: { address: address(places.client), port: port(HEAD.client_port) },
    virtual: {
      address: address(places.virtual_ip),
      // Of several ports or addresses: a number stands in its place.
      port: protocol & WEIR_GROUP_PROTOCOL ? 0 : port(HEAD.virtual_port),
    },
    server: { address: address(places.server), port: port(HEAD.server_port) },
    client_port_at_server: port(HEAD.seen_port),
    expires_ms: Math.max(0, Math.round((left * 1000) / hz)),
  };
}
