/** Services as people name them. */
import { type Address, familyOf, networkOf, parseAddress } from '../core/address/address.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import {
  formatTarget,
  isGroup,
  lengthOf,
  parseServiceKey,
  parseTarget,
  rangesOf,
  type ServiceName,
  serviceKey,
} from '../core/model/service.ts';
import { NoSuchObject, UsageError } from './exit.ts';

type Target = Omit<ServiceName, 'protocol'>;

const isTheSame = (a: Target, b: Target): boolean => formatTarget(a) === formatTarget(b);

function hasAddress(own: Target, address: Address): boolean {
  if (familyOf(own.address) !== familyOf(address)) return false;
  return networkOf({ address, length: lengthOf(own) }).address === own.address;
}

/** Whether it is one of several ports of the service, or its only one; that of every port is named by 0. */
function hasPort(own: Target, port: number): boolean {
  if (!isGroup(own)) return own.port === port;
  return rangesOf(own).some(({ first, last }) => first <= port && port <= last);
}

/**
 * The services meant by `tcp/203.0.113.100:80` (or with a space), `203.0.113.100:80` or `203.0.113.100`. What
 * the text does not name in full is also found in services that have that address and port among others.
 * Throws UsageError for text that is none of these and NoSuchObject when no service answers to it.
 */
export function findServices(services: readonly ServiceCounters[], text: string): readonly ServiceCounters[] {
  const key = parseServiceKey(text);
  const target = parseTarget(text);
  const address = parseAddress(text);
  if (key === undefined && target === undefined && address === undefined)
    throw new UsageError(
      `"${text}" names no service; write tcp/203.0.113.100:80, or without the protocol, or the address alone (IPv6: tcp/[2001:db8::1]:80)`,
    );
  const found = services.filter((service) => {
    const own = parseServiceKey(service.key);
    if (own === undefined) return false;
    if (key !== undefined) return serviceKey(own) === serviceKey(key);
    if (target !== undefined && isTheSame(own, target)) return true;
    // An address, with a port or without, is also that of a service that has it among others.
    const one = target === undefined ? address : isGroup(target) ? undefined : target.address;
    return one !== undefined && hasAddress(own, one) && (target === undefined || hasPort(own, target.port));
  });
  if (found.length > 0) return found;
  const few = services.slice(0, 5).map((service) => service.key);
  const known =
    few.length === 0 ? 'there are none' : `there is ${few.join(', ')}${services.length > 5 ? ' …' : ''}`;
  throw new NoSuchObject(`no service ${text}; ${known}`);
}
