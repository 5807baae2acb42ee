/** Checks of services of several ports or addresses, by themselves and beside each other. */
import { type Address, familyOf, formatPrefix, networkOf } from '../core/address/address.ts';
import { closeness, formatPortRange, overlap, type PortRange, sortRanges } from '../core/model/ports.ts';
import {
  isGroup,
  isOnePort,
  PROTOCOLS,
  rangesOf,
  type ServiceName,
  serviceKey,
} from '../core/model/service.ts';
import type { Draft, DraftService } from './draft.ts';
import type { Finding, Path } from './problems.ts';

/** Prefixes one inside the other that the packet path looks through (WEIR_MAX_NESTED in bpf/contract.h). */
export const MAX_NESTED = 8;

/** The name of a service of which enough is known. */
export function nameOf(service: DraftService): ServiceName | undefined {
  const { protocol, fwmark, address, port, ports, prefixLength } = service;
  if (protocol === 'fwmark' && (fwmark === undefined || address === undefined)) return undefined;
  if (protocol === 'fwmark') return { protocol, fwmark: fwmark!, address: address!.value, port: 0 };
  const sorted = sortRanges((ports ?? []).map((one) => one.value));
  const first = sorted[0]?.first ?? port;
  if (protocol === undefined || address === undefined || first === undefined) return undefined;
  return {
    protocol,
    address: address.value,
    port: first,
    ...(sorted.length > 0 && !isOnePort(sorted) && { ports: sorted }),
    ...(prefixLength !== undefined && { prefix_length: prefixLength }),
  };
}

/** Whether a service says its ports, in one way, and each of them once. */
export function checkPorts({ path, hasPort, ports, keys }: DraftService): readonly Finding[] {
  if (keys.includes('fwmark')) return [];
  if (ports === undefined) {
    const expected = 'a port, or several as ports: [80, 443]';
    return hasPort ? [] : [{ path: [...path, 'port'], message: 'missing', expected, part: 'missing' }];
  }
  const findings: Finding[] = [];
  if (hasPort)
    findings.push({
      path: [...path, 'ports'],
      message: 'the service has the key port, too',
      expected: 'one of the two',
      part: 'key',
    });
  ports.forEach(({ value, path: at }, i) => {
    const earlier = ports.slice(0, i).find((one) => overlap(one.value, value));
    if (earlier === undefined) return;
    const [here, there] = [formatPortRange(value), formatPortRange(earlier.value)];
    const message = here === there ? `${here} is listed already` : `${here} has ports of ${there}`;
    findings.push({ path: at, message, earlier: earlier.path });
  });
  return findings;
}

interface Holder {
  readonly range: PortRange;
  readonly name: ServiceName;
  readonly path: Path;
}

/**
 * Finds ports that two services have alike: at the same addresses, both by themselves or both in a range. Else the one
 * that names them more closely goes first. Services are to be given in the order of the file.
 */
export function checkShares(): (service: DraftService) => readonly Finding[] {
  const singles = new Map<string, Holder>();
  const ranges = new Map<string, Holder[]>();
  return (service) => {
    const name = nameOf(service);
    if (name === undefined) return [];
    const network = `${name.protocol} ${name.address}/${name.prefix_length ?? ''}`;
    for (const range of rangesOf(name)) {
      const own: Holder = { range, name, path: service.path };
      const level = closeness(range);
      // Two services of every port have one name.
      if (level === 0) continue;
      const at = `${network} ${range.first}`;
      const others = ranges.get(network) ?? [];
      const earlier = level === 2 ? singles.get(at) : others.find((one) => overlap(one.range, range));
      if (earlier === undefined) {
        if (level === 2) singles.set(at, own);
        else ranges.set(network, [...others, own]);
      } else if (earlier.name !== name && (isGroup(name) || isGroup(earlier.name))) {
        const what = level === 2 ? `port ${range.first}` : `ports of ${formatPortRange(earlier.range)}`;
        const message = `${serviceKey(name)} has ${what}, and so has ${serviceKey(earlier.name)}`;
        return [{ path: service.path, message, earlier: earlier.path }];
      }
    }
    return [];
  };
}

/** The prefixes that services have, by their length. */
export type Prefixes = ReadonlyMap<string, ReadonlySet<Address>>;

/** Those of a file. */
export function prefixesOf(draft: Draft): Prefixes {
  const prefixes = new Map<string, Set<Address>>();
  for (const { address, prefixLength } of draft.services) {
    if (address === undefined || prefixLength === undefined) continue;
    const key = `${familyOf(address.value)} ${prefixLength}`;
    prefixes.set(key, (prefixes.get(key) ?? new Set()).add(address.value));
  }
  return prefixes;
}

/** Every prefix around an address, in text. */
function prefixesAround(prefixes: Prefixes, address: Address): readonly string[] {
  return [...prefixes].flatMap(([key, networks]) => {
    const [family, length] = key.split(' ').map(Number) as [number, number];
    if (family !== familyOf(address)) return [];
    const network = networkOf({ address, length });
    return networks.has(network.address) ? [formatPrefix(network)] : [];
  });
}

/** A prefix around an address; undefined when there is none. */
export function prefixAround(prefixes: Prefixes, address: Address): string | undefined {
  return prefixes.size === 0 ? undefined : prefixesAround(prefixes, address)[0];
}

/** Prefixes that lie in more others than packets are looked up in. */
export function checkNesting(draft: Draft): readonly Finding[] {
  if (prefixesOf(draft).size <= MAX_NESTED) return [];
  return PROTOCOLS.flatMap((protocol) => {
    const services = draft.services.filter((service) => service.protocol === protocol);
    const prefixes = prefixesOf({ ...draft, services });
    return services.flatMap(({ address, prefixLength }): readonly Finding[] => {
      if (address === undefined || prefixLength === undefined) return [];
      const around = prefixesAround(prefixes, address.value).filter(
        (text) => Number(text.split('/')[1]) <= prefixLength,
      );
      if (around.length <= MAX_NESTED) return [];
      const message = `${address.value}/${prefixLength} lies in ${around.length - 1} other prefixes of services`;
      return [{ path: address.path, message, expected: `at most ${MAX_NESTED} one inside the other` }];
    });
  });
}
