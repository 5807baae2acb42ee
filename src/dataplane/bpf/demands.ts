/** A filter in the slots' own bytes, so that a connection that does not pass costs no more than a comparison. */
import {
  addressBytes,
  type Endpoint,
  type Family,
  familyOf,
  parseAddress,
  parseEndpoint,
} from '../../core/address/address.ts';
import type { ServiceKey } from '../../core/model/service.ts';
import type { ConnectionFilter } from '../port.ts';
import { LAYOUTS } from './contract.generated.ts';

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

/** The number of a service, or that there is none: then nothing passes. */
export type ServiceNumber = (key: ServiceKey) => number | undefined;

/** What connections of the family must hold to pass; undefined if none can, being of the other family or of no service. */
export function demandsOf(
  filter: ConnectionFilter,
  family: Family,
  numberOfService: ServiceNumber,
): readonly Demand[] | undefined {
  const { client, server } = PLACES[family];
  const sides = [
    { ...parseSide(filter.client), at: client, portAt: HEAD.client_port },
    { ...parseSide(filter.server), at: server, portAt: HEAD.server_port },
  ];
  if (sides.some(({ address }) => address !== undefined && familyOf(address) !== family)) return undefined;
  const service = filter.service === undefined ? undefined : numberOfService(filter.service);
  if (filter.service !== undefined && service === undefined) return undefined;
  return [
    ...sides.flatMap(({ address, at }) =>
      address === undefined ? [] : [{ at, bytes: addressBytes(address) }],
    ),
    ...sides.flatMap(({ port, portAt }) =>
      port === undefined ? [] : [{ at: portAt, bytes: Uint8Array.of(port >> 8, port & 0xff) }],
    ),
    ...(service === undefined ? [] : [{ at: HEAD.service, bytes: littleEndian(service) }]),
  ];
}

/** A number as the slots have it. */
function littleEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** True if the slot at `at` holds what is demanded. */
export function passes(view: DataView, at: number, demands: readonly Demand[]): boolean {
  return demands.every((one) => one.bytes.every((byte, i) => view.getUint8(at + one.at + i) === byte));
}
