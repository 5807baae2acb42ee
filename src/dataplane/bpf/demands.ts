/** A filter in the slots' own bytes, so that a connection that does not pass costs no more than a comparison. */
import {
  addressBytes,
  type Endpoint,
  type Family,
  familyOf,
  parseAddress,
  parseEndpoint,
} from '../../core/address/address.ts';
import { parseServiceKey } from '../../core/model/service.ts';
import type { ConnectionFilter } from '../port.ts';
import { LAYOUTS } from './contract.generated.ts';
import { numberOf } from './registry.ts';

const HEAD = LAYOUTS.weir_connection.fields;
const PLACES = { 4: LAYOUTS.weir_connection4.fields, 6: LAYOUTS.weir_connection6.fields } as const;

/** Bytes that a slot must hold at a place. */
export interface Demand {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** An endpoint, or an address alone. */
const parseSide = (text: string | undefined): Partial<Endpoint> =>
  text === undefined ? {} : (parseEndpoint(text) ?? { address: parseAddress(text)! });

/** What connections of the family must hold to pass; undefined if none can, being of the other family. */
export function demandsOf(filter: ConnectionFilter, family: Family): readonly Demand[] | undefined {
  const { client, virtual_ip, server } = PLACES[family];
  const service = filter.service === undefined ? undefined : parseServiceKey(filter.service)!;
  const sides = [
    { ...parseSide(filter.client), at: client, portAt: HEAD.client_port },
    { ...parseSide(filter.server), at: server, portAt: HEAD.server_port },
    { ...service, at: virtual_ip, portAt: HEAD.virtual_port },
  ];
  if (sides.some(({ address }) => address !== undefined && familyOf(address) !== family)) return undefined;
  return [
    ...sides.flatMap(({ address, at }) =>
      address === undefined ? [] : [{ at, bytes: addressBytes(address) }],
    ),
    ...sides.flatMap(({ port, portAt }) =>
      port === undefined ? [] : [{ at: portAt, bytes: Uint8Array.of(port >> 8, port & 0xff) }],
    ),
    ...(service === undefined
      ? []
      : [{ at: HEAD.protocol, bytes: Uint8Array.of(numberOf(service.protocol)) }]),
  ];
}

/** True if the slot at `at` holds what is demanded. */
export function passes(view: DataView, at: number, demands: readonly Demand[]): boolean {
  return demands.every((one) => one.bytes.every((byte, i) => view.getUint8(at + one.at + i) === byte));
}
