/**
 * Services of several ports or addresses in the tables. A prefix of addresses leads to the ports of all services that have
 * it, and a port there to a service's number, behind which stands its published slot. The ports are written where no
 * packet looks, then one update of the prefix shows them; and one update of the number's element publishes the service.
 */
import { rangesOf, type ServiceName } from '../../core/model/service.ts';
import * as contract from './contract.generated.ts';
import { type Claim, networkKey, networkName, settleClaims } from './port-ranges.ts';
import type { NetworkEntry, Registry, ServiceEntry } from './registry.ts';
import { awaitReaders } from './rest.ts';
import type { Run, RunAllocator } from './runs.ts';
import type { Tables } from './tables.ts';

/** What is needed to write them. */
interface Grouper {
  readonly tables: Tables;
  readonly registry: Registry;
  readonly ports: RunAllocator;
  now(): number;
}

const NO_RUN: Run = { start: 0, length: 0 };

/** The runs in `ports` that are in use. */
export function portRunsOf({ byId, networks }: Registry): Run[] {
  return [...[...byId.values()].map(({ ports }) => ports), ...[...networks.values()].map(({ run }) => run)];
}

/** A run in `ports`; throws an Error when there is none. */
export function takePorts({ ports, now }: Grouper, length: number): Run {
  const run = ports.take(length, now());
  if (run !== undefined) return run;
  awaitReaders();
  ports.rested();
  const rested = ports.take(length, now());
  if (rested !== undefined) return rested;
  throw new Error(
    `no room for ${length} more ports and ranges of ports: there are some 60,000 over all services`,
  );
}

function obtainNetwork({ registry }: Grouper, place: contract.WeirNetworkKey): NetworkEntry {
  const name = networkName(place);
  const known = registry.networks.get(name);
  if (known !== undefined) return known;
  return { name, place, services: new Set(), run: NO_RUN, ranges: [], spoiled: true };
}

const claimsOf = (services: Iterable<ServiceEntry>): Claim[] =>
  [...services].map(({ id, service }) => ({ id, ranges: rangesOf(service) }));

const sameRanges = (a: readonly contract.WeirPortRange[], b: readonly contract.WeirPortRange[]): boolean =>
  a.length === b.length &&
  a.every(({ first, last, service }, i) => {
    const other = b[i]!;
    return first === other.first && last === other.last && service === other.service;
  });

/** Writes the ports of the network with the service among its own; what is returned shows them. */
export function prepareToJoin(to: Grouper, entry: ServiceEntry, service: ServiceName): () => void {
  const network = obtainNetwork(to, networkKey(service, entry.place));
  const others = [...network.services].filter((one) => one !== entry);
  // What was there before keeps its place among those that claim a port alike.
  const claims = network.services.has(entry)
    ? claimsOf(network.services)
    : [...claimsOf(others), { id: entry.id, ranges: rangesOf(service) }];
  const show = prepareNetwork(to, network, settleClaims(claims));
  return () => {
    network.services.add(entry);
    show();
  };
}

function prepareNetwork(
  to: Grouper,
  network: NetworkEntry,
  ranges: readonly contract.WeirPortRange[],
): () => void {
  const { tables, registry } = to;
  if (!network.spoiled && sameRanges(ranges, network.ranges)) return () => {};
  const run = takePorts(to, ranges.length);
  tables.ports.setRun(run.start, ranges);
  return () => {
    registry.networks.set(network.name, network);
    countNetworks(to);
    tables.networks.set(network.place, {
      ports: run.start,
      count: ranges.length,
      length: network.place.prefix_length - contract.WEIR_NETWORK_HEAD,
    });
    to.ports.give(network.run, to.now());
    Object.assign(network, { run, ranges, spoiled: false });
  };
}

/** Takes the service's ports out of its network; with the last of them the network goes. */
export function leaveNetwork(to: Grouper, entry: ServiceEntry): void {
  const network = to.registry.networks.get(networkName(networkKey(entry.service, entry.place)));
  if (network === undefined) return;
  network.services.delete(entry);
  if (network.services.size > 0) prepareNetwork(to, network, settleClaims(claimsOf(network.services)))();
  else removeNetwork(to, network);
}

function removeNetwork(to: Grouper, network: NetworkEntry): void {
  to.tables.networks.delete(network.place);
  to.registry.networks.delete(network.name);
  countNetworks(to);
  to.ports.give(network.run, to.now());
}

/** Tells the packet path whether there are any. */
function countNetworks({ tables, registry }: Grouper): void {
  const networks = registry.networks.size;
  if (tables.settings.get(0).networks !== networks) tables.settings.change({ networks });
}

/** Puts right what a process that was cut short has left: the networks of what is published. */
export function restoreNetworks(to: Grouper): void {
  const { registry } = to;
  for (const entry of registry.byId.values()) {
    if (!entry.published || entry.ports.length === 0) continue;
    const network = obtainNetwork(to, networkKey(entry.service, entry.place));
    network.services.add(entry);
    registry.networks.set(network.name, network);
  }
  for (const network of [...registry.networks.values()])
    if (network.services.size === 0) removeNetwork(to, network);
    else prepareNetwork(to, network, settleClaims(claimsOf(network.services)))();
  countNetworks(to);
}

/** What is wrong about the way to a published service; undefined when nothing is. */
export function damageOnTheWay({ tables, registry }: Grouper, entry: ServiceEntry): string | undefined {
  const found = tables.groups.get(entry.id);
  if (found !== entry.slot + 1) {
    const said = `group ${entry.id} leads to slot ${found - 1}, not ${entry.slot}`;
    // Packets look at the other slot now, so that is the one which must not be written next.
    if (found === (entry.slot ^ 1) + 1) entry.slot ^= 1;
    return said;
  }
  const network = registry.networks.get(networkName(networkKey(entry.service, entry.place)));
  if (network === undefined) return 'its network is not known';
  const value = tables.networks.get(network.place);
  const { start, length } = network.run;
  if (value?.ports !== start || value.count !== length) {
    network.spoiled = true;
    return value === undefined ? 'its addresses are gone from networks' : 'its addresses lead to other ports';
  }
  const ranges = [...tables.ports.range(start, start + length)].map(([, range]) => range);
  if (!sameRanges(ranges, network.ranges)) {
    network.spoiled = true;
    return `ports ${start} to ${start + length - 1} are not those of its addresses`;
  }
  return tables.settings.get(0).networks === 0 ? 'settings say that there are no networks' : undefined;
}
