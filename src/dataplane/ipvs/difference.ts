/** What has to be done to ip_vs's table for one service, in an order in which no client is without a server that it could have. */
import { type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import type { VirtualService } from '../../core/model/service.ts';
import type { IpvsServer, IpvsService, ListedServer } from './codec/values.ts';
import { equalIpvsServer, equalIpvsService, ipvsServersOf, ipvsServiceOf, isGone } from './translate.ts';

/** One change of the table. */
export type TableChange =
  | { readonly kind: 'add_service'; readonly service: IpvsService }
  | { readonly kind: 'set_service'; readonly service: IpvsService }
  | { readonly kind: 'add_server'; readonly server: IpvsServer }
  | { readonly kind: 'set_server'; readonly server: IpvsServer }
  | { readonly kind: 'del_server'; readonly server: Endpoint };

/** What the table has of a service; undefined where it has none of it. */
export interface Found {
  readonly service: IpvsService;
  readonly servers: readonly ListedServer[];
}

/** Schedulers that give each server its part of a table of hashes, weight 0 or not. */
const HASHING: readonly string[] = ['dh', 'sh', 'mh'];

/**
 * Whether a server that leaves the service may stay in the table, at weight 0, until its connections have ended: ip_vs drops
 * the packets of connections whose server is not there. It must not where clients would still be sent to it: by a
 * template, or by a hash that counts it in; nor where they are to end.
 */
export function canLinger(service: VirtualService, server: Endpoint): boolean {
  const { scheduler, persistence } = service;
  if (HASHING.includes(scheduler) || isGone(service, server)) return false;
  return persistence === undefined || persistence.expire_quiescent_template === true;
}

/** Connections that a server still has. */
export const isIdle = ({ active, inactive, persistent }: ListedServer): boolean =>
  active + inactive + persistent === 0;

/** A server that is in the table only to finish its connections. */
export const isLeaving = (server: ListedServer, service: VirtualService): boolean =>
  server.weight === 0 &&
  canLinger(service, server) &&
  !ipvsServersOf(service).some((one) => formatEndpoint(one) === formatEndpoint(server));

/**
 * The changes that make the table as the service says, none where it is so. New servers come first, then weights that
 * rise, then those that fall, and what is gone goes last.
 */
export function changesFor(service: VirtualService, found: Found | undefined): readonly TableChange[] {
  const wanted = ipvsServiceOf(service);
  const servers = ipvsServersOf(service);
  if (found === undefined)
    return [
      { kind: 'add_service', service: wanted },
      // ip_vs puts each one in front of those that it has.
      ...servers.toReversed().map((server): TableChange => ({ kind: 'add_server', server })),
    ];
  const before = new Map(found.servers.map((server) => [formatEndpoint(server), server]));
  const after = new Set(servers.map(formatEndpoint));
  const added = servers.filter((server) => !before.has(formatEndpoint(server))).toReversed();
  const changed = servers.flatMap((server) => {
    const was = before.get(formatEndpoint(server));
    return was === undefined || equalIpvsServer(was, server) ? [] : [{ was, server }];
  });
  const rises = changed.filter(({ was, server }) => server.weight >= was.weight);
  const falls = changed.filter(({ was, server }) => server.weight < was.weight);
  const gone = found.servers.filter((server) => !after.has(formatEndpoint(server)));
  return [
    ...(equalIpvsService(found.service, wanted) ? [] : [{ kind: 'set_service', service: wanted } as const]),
    ...added.map((server): TableChange => ({ kind: 'add_server', server })),
    ...[...rises, ...falls].map(({ server }): TableChange => ({ kind: 'set_server', server })),
    ...gone.flatMap((server) => leave(service, server)),
  ];
}

/** A server that the service has no more: at weight 0 while it has connections and may stay for them, else out. */
function leave(service: VirtualService, server: ListedServer): readonly TableChange[] {
  if (!canLinger(service, server) || isIdle(server)) return [{ kind: 'del_server', server }];
  return server.weight === 0 ? [] : [{ kind: 'set_server', server: { ...server, weight: 0 } }];
}

/** What somebody else has done to a service, in words; undefined where the table is as the service says. */
export function damageOf(service: VirtualService, found: Found): string | undefined {
  const words = changesFor(service, found).flatMap((change) => wordsFor(change, service, found));
  return words.length === 0 ? undefined : words.join('; ');
}

/** What a change that would repair it has found. */
function wordsFor(change: TableChange, service: VirtualService, found: Found): readonly string[] {
  if (change.kind === 'add_service') return [];
  if (change.kind === 'set_service') {
    const { scheduler, flags, timeout } = found.service;
    return [`scheduler ${scheduler}, flags 0x${flags.toString(16)}, time-out ${timeout} s`];
  }
  const place = formatEndpoint(change.server);
  const there = found.servers.find((one) => formatEndpoint(one) === place);
  if (there === undefined) return [`no server ${place}`];
  // One that has just finished its connections is the sweep's.
  if (isLeaving(there, service)) return [];
  return [`server ${place} by ${there.forward} at weight ${there.weight}${limitsText(there)}`];
}

const limitsText = ({ upper_threshold: upper, lower_threshold: lower }: ListedServer): string =>
  upper === 0 && lower === 0 ? '' : `, thresholds ${upper} and ${lower}`;
