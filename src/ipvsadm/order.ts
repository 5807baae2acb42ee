/** The order of listings. */
import { type Address, addressBytes, type Endpoint, type Family, familyOf } from '../core/address/address.ts';
import { IPVS_PROTOCOLS, type IpvsServiceId } from '../dataplane/ipvs/codec/values.ts';

/**
 * The order of two 32-bit numbers by the sign of their difference in 32 bits, as the real one has it: whoever is within
 * 2,147,483,647 above comes later, so that 200.0.0.1 comes before 1.0.0.1. That is no order of all numbers, which is why
 * the way of sorting shows in the result.
 */
const byDifference = (a: number, b: number): number => (a - b) | 0;

function words(address: Address): readonly number[] {
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4));
}

/** Whom to compare: worked out once for each, as addresses are text. */
interface Key {
  readonly numbers: readonly number[];
}

function compare(a: Key, b: Key): number {
  for (let i = 0; i < a.numbers.length; i++) {
    const difference = byDifference(a.numbers[i]!, b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const familyNumber = (family: Family): number => (family === 4 ? 2 : 10);

function serviceKey(id: IpvsServiceId): Key {
  if ('fwmark' in id) return { numbers: [id.fwmark, familyNumber(id.family)] };
  const { protocol, address, port } = id;
  return { numbers: [0, familyNumber(familyOf(address)), IPVS_PROTOCOLS[protocol], ...words(address), port] };
}

/** Of servers of another family than each other the kernel's numbers for the families decide. */
const serverKey = ({ address, port }: Endpoint): Key => ({
  numbers: [familyNumber(familyOf(address)), ...words(address), port],
});

/** Halves, sorts both and merges them, the left first where neither comes before the other: what glibc's qsort(3) does. */
function mergeSort<T extends Key>(all: readonly T[]): readonly T[] {
  if (all.length < 2) return all;
  const half = all.length >> 1;
  const left = mergeSort(all.slice(0, half));
  const right = mergeSort(all.slice(half));
  const merged: T[] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length)
    merged.push(compare(left[l]!, right[r]!) <= 0 ? left[l++]! : right[r++]!);
  return [...merged, ...left.slice(l), ...right.slice(r)];
}

const sortedBy = <T>(all: readonly T[], keyOf: (one: T) => Key): readonly T[] =>
  mergeSort(all.map((one) => ({ ...keyOf(one), one }))).map(({ one }) => one);

/** Services by mark, family, protocol, address and port. */
export const sortServices = <T extends { readonly id: IpvsServiceId }>(
  services: readonly T[],
): readonly T[] => sortedBy(services, ({ id }) => serviceKey(id));

/** Servers by address and port. */
export const sortServers = <T extends Endpoint>(servers: readonly T[]): readonly T[] =>
  sortedBy(servers, serverKey);
