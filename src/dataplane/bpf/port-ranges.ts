/** Ports of services of several ports or addresses, as the tables have them. Pure. */
import { closeness, EVERY_PORT, type PortRange } from '../../core/model/ports.ts';
import { isOnePort, lengthOf, rangesOf, type ServiceName } from '../../core/model/service.ts';
import * as contract from './contract.generated.ts';

/** Ports that a service asks for, by its number. */
export interface Claim {
  readonly id: number;
  readonly ranges: readonly PortRange[];
}

/**
 * Who has which port where all of these claim theirs: who names it more closely, and of two that do it alike the later
 * one, which is about to replace the other.
 */
export function settleClaims(claims: readonly Claim[]): contract.WeirPortRange[] {
  const all = claims.flatMap(({ id, ranges }) => ranges.map((range) => ({ ...range, id })));
  all.sort((a, b) => closeness(a) - closeness(b));
  const bounds = [...new Set(all.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
  const place = new Map(bounds.map((bound, i) => [bound, i]));
  const owners: (number | undefined)[] = [];
  for (const { first, last, id } of all)
    for (let i = place.get(first)!; i < place.get(last + 1)!; i++) owners[i] = id;
  const settled: { first: number; last: number; service: number }[] = [];
  owners.forEach((service, i) => {
    const before = settled.at(-1);
    if (service === undefined) return;
    if (before?.service === service && before.last + 1 === bounds[i]) before.last = bounds[i + 1]! - 1;
    else settled.push({ first: bounds[i]!, last: bounds[i + 1]! - 1, service });
  });
  return settled;
}

/** What names a network among others. */
export function networkName({ prefix_length, family, protocol, address }: contract.WeirNetworkKey): string {
  return `${family} ${protocol} ${prefix_length} ${address.join(' ')}`;
}

/** The key in `networks` of a service's addresses; `place` is that of the service. */
export function networkKey(service: ServiceName, place: contract.WeirServiceKey): contract.WeirNetworkKey {
  const { family, protocol, address } = place;
  const prefix_length = contract.WEIR_NETWORK_HEAD + lengthOf(service);
  return { prefix_length, family, protocol, reserved: 0, address };
}

/** Own ranges of a service as they stand in `ports`. */
export function ownRanges(service: ServiceName, id: number): contract.WeirPortRange[] {
  return rangesOf(service).map(({ first, last }) => ({ first, last, service: id }));
}

/** The ports of a service by its own ranges. */
export function portsFrom(ranges: readonly contract.WeirPortRange[]): Pick<ServiceName, 'port' | 'ports'> {
  const ports = ranges.map(({ first, last }) => ({ first, last }));
  const { first: port } = ports[0] ?? EVERY_PORT;
  return isOnePort(ports) ? { port } : { port, ports };
}
