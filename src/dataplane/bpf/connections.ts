/** The connection table as people see it. */
import { setImmediate } from 'node:timers/promises';
import { type Address, addressFromBytes, type Family } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import { CONNECTION_STATES } from '../../core/model/state.ts';
import type { ConnectionFilter } from '../port.ts';
import { LAYOUTS, WEIR_STATE_NONE } from './contract.generated.ts';
import { type Demand, demandsOf, passes } from './demands.ts';
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
}

/** Live connections that pass the filter, IPv4 first; between chunks the event loop gets its turn. */
export async function* listConnections(
  tables: Tables,
  clock: () => Clock,
  filter: ConnectionFilter,
): AsyncGenerator<readonly Connection[]> {
  for (const family of [4, 6] as const) {
    const { high4, high6 } = tables.tally.get(0);
    const table = family === 4 ? tables.connections4 : tables.connections6;
    const demands = demandsOf(filter, family);
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
    const state = CONNECTION_STATES[(chunk.view.getUint8(at + HEAD.word) & 0xf) - WEIR_STATE_NONE];
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
  { now, hz }: Clock,
): Connection {
  const places = PLACES[family];
  const port = (offset: number) => swapPort(view.getUint16(at + offset, true));
  const address = (offset: number): Address =>
    addressFromBytes(new Uint8Array(view.buffer, view.byteOffset + at + offset, family === 4 ? 4 : 16));
  const timeout = Number((view.getBigUint64(at + HEAD.word, true) >> 4n) & 0xffffffffn);
  const idle = (now - view.getUint32(at + HEAD.last_seen, true)) | 0;
  return {
    protocol: protocolOf(view.getUint8(at + HEAD.protocol)),
    state,
    client: { address: address(places.client), port: port(HEAD.client_port) },
    virtual: { address: address(places.virtual_ip), port: port(HEAD.virtual_port) },
    server: { address: address(places.server), port: port(HEAD.server_port) },
    client_port_at_server: port(HEAD.seen_port),
    expires_ms: Math.max(0, Math.round(((timeout - idle) * 1000) / hz)),
  };
}
