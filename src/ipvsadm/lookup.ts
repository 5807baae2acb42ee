/** Looks up names of hosts and ports, both ways. */
import { lookup, lookupService } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { type Address, parseAddress } from '../core/address/address.ts';
import { HostNotLookedUp, type Labels, type Names, parseServiceNames, type ServiceNames } from './names.ts';

/** As many lookups at a time: each may take seconds. */
const AT_ONCE = 32;

/** What is known of names, and how more is learnt. */
export interface Lookups {
  readonly names: Names;
  readonly labels: Labels;
  /** Asks for a host's address; afterwards `names` knows it, or that there is none. */
  resolve(host: string): Promise<void>;
  /** Asks for the names of addresses; afterwards `labels` knows them. */
  learn(addresses: Iterable<Address>): Promise<void>;
}

function readServices(): ServiceNames {
  try {
    return parseServiceNames(readFileSync('/etc/services', 'utf8'));
  } catch {
    return parseServiceNames('');
  }
}

/** By the host's resolver and /etc/services, which is read when the first port is asked for. */
export function openLookups(): Lookups {
  let services: ServiceNames | undefined;
  const known = () => {
    services ??= readServices();
    return services;
  };
  const addresses = new Map<string, Address | undefined>();
  const hosts = new Map<Address, string | undefined>();
  return {
    names: {
      addressOf(host) {
        if (!addresses.has(host)) throw new HostNotLookedUp(host);
        return addresses.get(host);
      },
      portOf: (name, protocol) => known().ports.get(`${name}/${protocol}`),
    },
    labels: {
      hostOf: (address) => hosts.get(address),
      nameOf: (port, protocol) => known().names.get(`${port}/${protocol}`),
    },
    async resolve(host) {
      // A name is one of an IPv4 address, for the real one too.
      const found = await lookup(host, { family: 4 }).catch(() => undefined);
      addresses.set(host, found === undefined ? undefined : parseAddress(found.address));
    },
    async learn(all) {
      const asked = [...new Set(all)].filter((address) => !hosts.has(address));
      for (let i = 0; i < asked.length; i += AT_ONCE)
        await Promise.all(
          asked.slice(i, i + AT_ONCE).map(async (address) => {
            const found = await lookupService(address, 0).catch(() => undefined);
            hosts.set(
              address,
              found === undefined || parseAddress(found.hostname) !== undefined ? undefined : found.hostname,
            );
          }),
        );
    },
  };
}
