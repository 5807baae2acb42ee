/** One case of what ip_vs alone can do, with real frames. */
import type { ControlClient } from '../../../src/api/client.ts';
import type { Connection } from '../../../src/core/model/connection.ts';
import type { ServiceCounters } from '../../../src/core/model/counters.ts';
import type { ServiceKey } from '../../../src/core/model/service.ts';
import { write16 } from '../../../src/core/packet/bytes.ts';
import { checksumOf } from '../../../src/core/packet/checksum.ts';
import type { Wires } from './wire.ts';

/** A director that Weir has made, its wires, and what Weir says of it. */
export interface Site {
  readonly wires: Wires;
  readonly control: ControlClient;
}

/** It throws where ip_vs, or what Weir has told it, is otherwise. */
export interface AloneCase {
  readonly name: string;
  run(site: Site): Promise<void>;
}

/** What the guest found. */
export interface AloneAnswer {
  /** By the case's name: nothing, where all was as it is meant to be, or why it was not. */
  readonly outcome: Readonly<Record<string, string | null>>;
  /** Why the guest's kernel does not take nft's rules. */
  readonly nft: string;
}

/** A packet after one more router: its time to live, and its header's checksum. */
export function oneHopOn(packet: Uint8Array): Uint8Array {
  const next = packet.slice();
  if (next[0]! >> 4 === 6) {
    next[7]!--;
    return next;
  }
  next[8]!--;
  write16(next, 10, 0);
  write16(next, 10, checksumOf(next.subarray(0, 4 * (next[0]! & 0xf))));
  return next;
}

/** The connections of a service, as `weir connections` lists them. */
export async function connectionsOf({ control }: Site, service: string): Promise<readonly Connection[]> {
  const all: Connection[] = [];
  for await (const chunk of control.connections({ filter: { service: service as ServiceKey } }))
    all.push(...chunk);
  return all;
}

/** A service as `weir services` has it. */
export async function countersOf({ control }: Site, service: string): Promise<ServiceCounters> {
  const found = (await control.services()).find(({ key }) => key === service);
  if (found === undefined) throw new Error(`there is no service ${service}`);
  return found;
}
