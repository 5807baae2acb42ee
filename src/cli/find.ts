/** Services as people name them. */
import { formatEndpoint, parseAddress, parseEndpoint } from '../core/address/address.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import { parseServiceKey, serviceKey } from '../core/model/service.ts';
import { NoSuchObject, UsageError } from './exit.ts';

/**
 * The services meant by `tcp/203.0.113.100:80` (or with a space), `203.0.113.100:80` or `203.0.113.100`.
 * Throws UsageError for text that is none of these and NoSuchObject when no service answers to it.
 */
export function findServices(services: readonly ServiceCounters[], text: string): readonly ServiceCounters[] {
  const key = parseServiceKey(text);
  const endpoint = parseEndpoint(text);
  const address = parseAddress(text);
  if (key === undefined && endpoint === undefined && address === undefined)
    throw new UsageError(
      `"${text}" names no service; write tcp/203.0.113.100:80, or without the protocol, or the address alone (IPv6: tcp/[2001:db8::1]:80)`,
    );
  const found = services.filter((service) => {
    const own = parseServiceKey(service.key);
    if (own === undefined) return false;
    if (key !== undefined) return serviceKey(own) === serviceKey(key);
    if (endpoint !== undefined) return formatEndpoint(own) === formatEndpoint(endpoint);
    return own.address === address;
  });
  if (found.length > 0) return found;
  const few = services.slice(0, 5).map((service) => service.key);
  const known =
    few.length === 0 ? 'there are none' : `there is ${few.join(', ')}${services.length > 5 ? ' …' : ''}`;
  throw new NoSuchObject(`no service ${text}; ${known}`);
}
