/** The order of listings. */
import { type Address, addressBytes, type Endpoint, type Family, familyOf } from '../core/address/address.ts';
import { IPVS_PROTOCOLS, type IpvsServiceId } from '../dataplane/ipvs/codec/values.ts';

/**
 * The order of two 32-bit numbers by the sign of their difference in 32 bits, as the real one has it: whoever is within
 * 2,147,483,647 above comes later, so that 200.0.0.1 comes before 1.0.0.1. That is no order of all numbers, which is why
 * the way of sorting shows in the result.
 */
const byDifference = (a: number, b: number): number => (a - b) | 0;

/** What is compared of one, worked out once for each, as addresses are text: so many 32-bit numbers, the first deciding. */
type Key = readonly number[];

function words(address: Address): Key {
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length === 4 ? [view.getUint32(0)] : [0, 4, 8, 12].map((at) => view.getUint32(at));
}

function compare(a: Key, b: Key): number {
  for (let i = 0; i < a.length; i++) {
    const difference = byDifference(a[i]!, b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const familyNumber = (family: Family): number => (family === 4 ? 2 : 10);

function serviceKey(id: IpvsServiceId): Key {
  if ('fwmark' in id) return [id.fwmark, familyNumber(id.family)];
  const { protocol, address, port } = id;
  return [0, familyNumber(familyOf(address)), IPVS_PROTOCOLS[protocol], ...words(address), port];
}

/** Of servers of another family than each other the kernel's numbers for the families decide. */
const serverKey = ({ address, port }: Endpoint): Key => [
  familyNumber(familyOf(address)),
  ...words(address),
  port,
];

/** Halves, sorts both and merges them, the left first where neither comes before the other: what glibc's qsort(3) does. */
function mergeSort(places: number[], keys: readonly Key[], from: number, to: number, spare: number[]): void {
  if (to - from < 2) return;
  const half = from + ((to - from) >> 1);
  mergeSort(places, keys, from, half, spare);
  mergeSort(places, keys, half, to, spare);
  let [l, r] = [from, half];
  for (let at = from; at < to; at++)
    spare[at] =
      r >= to || (l < half && compare(keys[places[l]!]!, keys[places[r]!]!) <= 0)
        ? places[l++]!
        : places[r++]!;
  for (let at = from; at < to; at++) places[at] = spare[at]!;
}

function sortedBy<T>(all: readonly T[], keyOf: (one: T) => Key): readonly T[] {
  const places = all.map((_, i) => i);
  mergeSort(places, all.map(keyOf), 0, all.length, [...places]);
  return places.map((place) => all[place]!);
}

/** Services by mark, family, protocol, address and port. */
export const sortServices = <T extends { readonly id: IpvsServiceId }>(
  services: readonly T[],
): readonly T[] => sortedBy(services, ({ id }) => serviceKey(id));

/** Servers by address and port. */
export const sortServers = <T extends Endpoint>(servers: readonly T[]): readonly T[] =>
  sortedBy(servers, serverKey);
