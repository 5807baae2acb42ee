/**
 * Thresholds of servers, by their numbers: what is configured also stands with the members that are published, whole or not
 * at all; here it is where the packet path looks when a connection begins or ends.
 */
import { formatEndpoint } from '../../core/address/address.ts';
import type { VirtualService } from '../../core/model/service.ts';
import { thresholdsFrom } from '../../core/packet/overload.ts';
import type { WeirThresholds } from './contract.generated.ts';
import { neighbours } from './memberships.ts';
import type { Registry, ServiceEntry } from './registry.ts';
import type { Tables } from './tables.ts';

/** Numbers of all servers that the service is to have, the sorry server's too, with their thresholds, lowest first. */
export function thresholdsByNumber(
  { servers }: ServiceEntry,
  service: VirtualService,
): [id: number, thresholds: WeirThresholds][] {
  const { sorry_server: sorry } = service;
  const all = [...service.servers, ...(sorry === undefined ? [] : [sorry])];
  return all
    .map((one): [number, WeirThresholds] => [servers.get(formatEndpoint(one))!.id, thresholdsFrom(one)])
    .sort(([a], [b]) => a - b);
}

/** Writes those of a service that is about to be published; a number may have been another server's before. */
export function writeThresholds(
  { tables }: { readonly tables: Tables },
  entry: ServiceEntry,
  service: VirtualService,
): void {
  const wanted = thresholdsByNumber(entry, service);
  for (const { first, length, from } of neighbours(wanted.map(([id]) => id)))
    tables.thresholds.setRun(
      first,
      wanted.slice(from, from + length).map(([, thresholds]) => thresholds),
    );
}

/** Puts right what a process that was cut short has left: the thresholds of what is published. */
export function restoreThresholds({
  tables,
  registry,
}: {
  readonly tables: Tables;
  readonly registry: Registry;
}): void {
  for (const entry of registry.byId.values())
    if (entry.published) writeThresholds({ tables }, entry, entry.service);
}
