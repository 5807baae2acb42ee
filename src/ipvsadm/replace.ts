/** Rules that replace all there is: what should be, and the steps that lead there without a moment of nothing. */
import { type Endpoint, formatEndpoint } from '../core/address/address.ts';
import {
  type IpvsDaemon,
  type IpvsServer,
  type IpvsService,
  type IpvsServiceId,
  type IpvsTimeouts,
  ipvsServiceText,
} from '../dataplane/ipvs/codec/values.ts';
import type { Command } from './command.ts';
import { PERSISTENT } from './flags.ts';
import type { Rule } from './rules.ts';

/** A service, and its servers by their endpoints in text. */
export interface RuledService {
  readonly service: IpvsService;
  readonly servers: ReadonlyMap<string, IpvsServer>;
}

/** What rules make of an empty table. */
export interface Ruleset {
  /** By `ipvsServiceText`, in the order of the rules. */
  readonly services: ReadonlyMap<string, RuledService>;
  readonly timeouts?: IpvsTimeouts;
  readonly daemons: readonly IpvsDaemon[];
}

/** How a server of a service is called where the lines of rules are kept. */
export const serverRuleKey = (service: string, server: string): string => `${service} ${server}`;

/** What a rule was refused for, in the words of ipvsadm. */
export interface RuleRefusal {
  readonly line: number;
  readonly text: string;
}

type Draft = Map<string, { service: IpvsService; servers: Map<string, IpvsServer> }>;

/**
 * Does the rules in thought. Those that ip_vs would refuse by their meaning are left out and listed. `lines`, where it is
 * given, gets which rule spoke last of a service, by its key, or of a server, by `serverRuleKey`.
 */
export function rulesetOf(
  rules: Iterable<Rule>,
  lines?: Map<string, number>,
): {
  readonly ruleset: Ruleset;
  readonly refusals: readonly RuleRefusal[];
} {
  const services: Draft = new Map();
  const refusals: RuleRefusal[] = [];
  const daemons = new Map<string, IpvsDaemon>();
  let timeouts: IpvsTimeouts | undefined;
  for (const { line, command } of rules) {
    let text: string | undefined;
    if (command.kind === 'set') timeouts = mergedTimeouts(timeouts, command.timeouts);
    else if (command.kind === 'start-daemon') {
      if (daemons.has(command.daemon.state)) text = 'Daemon has already run';
      else daemons.set(command.daemon.state, command.daemon);
    } else text = change(services, command);
    if (text !== undefined) refusals.push({ line, text });
    else if (lines !== undefined) for (const key of spokenOf(command)) lines.set(key, line);
  }
  return {
    ruleset: { services, ...(timeouts !== undefined && { timeouts }), daemons: [...daemons.values()] },
    refusals,
  };
}

function spokenOf(command: Command): readonly string[] {
  if (command.kind === 'add-service' || command.kind === 'edit-service')
    return [ipvsServiceText(command.service.id)];
  if (command.kind !== 'add-server' && command.kind !== 'edit-server') return [];
  return [serverRuleKey(ipvsServiceText(command.id), formatEndpoint(command.server))];
}

/** A later 0 leaves what an earlier line has said. */
const mergedTimeouts = (before: IpvsTimeouts | undefined, after: IpvsTimeouts): IpvsTimeouts => ({
  tcp: after.tcp || (before?.tcp ?? 0),
  tcp_fin: after.tcp_fin || (before?.tcp_fin ?? 0),
  udp: after.udp || (before?.udp ?? 0),
});

/** Changes the draft; returns why it does not. */
function change(services: Draft, command: Command): string | undefined {
  switch (command.kind) {
    case 'flush':
      services.clear();
      return undefined;
    case 'add-service':
    case 'edit-service': {
      const key = ipvsServiceText(command.service.id);
      const known = services.get(key);
      if ((known !== undefined) === (command.kind === 'add-service'))
        return known === undefined ? 'No such service' : 'Service already exists';
      services.set(key, { service: command.service, servers: known?.servers ?? new Map() });
      return undefined;
    }
    case 'delete-service':
      return services.delete(ipvsServiceText(command.id)) ? undefined : 'No such service';
    case 'add-server':
    case 'edit-server':
    case 'delete-server':
      return changeServer(services, command);
    case 'zero':
      return undefined;
    default:
      return `'${command.kind}' is nothing that can be restored`;
  }
}

function changeServer(
  services: Draft,
  command: Extract<Command, { readonly kind: 'add-server' | 'edit-server' | 'delete-server' }>,
): string | undefined {
  const servers = services.get(ipvsServiceText(command.id))?.servers;
  if (servers === undefined) return 'Service not defined';
  const key = formatEndpoint(command.server);
  if (command.kind === 'add-server' && servers.has(key)) return 'Destination already exists';
  if (command.kind !== 'add-server' && !servers.has(key)) return 'No such destination';
  if (command.kind === 'delete-server') servers.delete(key);
  else servers.set(key, command.server);
  return undefined;
}

/** A step of a restore: a command that is done at once. */
export type RestoreStep = Extract<
  Command,
  {
    readonly kind:
      | 'add-service'
      | 'edit-service'
      | 'delete-service'
      | 'add-server'
      | 'edit-server'
      | 'delete-server'
      | 'set'
      | 'start-daemon'
      | 'stop-daemon';
  }
>;

/** What there is, as far as a restore replaces it. */
export interface Present {
  /** By `ipvsServiceText`. */
  readonly services: ReadonlyMap<string, IpvsService>;
  /** The servers of one of them, by their endpoints in text; asked for when its turn comes. */
  serversOf(id: IpvsServiceId): Promise<ReadonlyMap<string, IpvsServer>>;
  readonly daemons: readonly IpvsDaemon[];
}

/**
 * The steps from what there is to what the rules say. A service is changed in place: what it lacks comes before what it
 * loses, and services that go, go last. Time-outs and sync daemons that the rules do not speak of stay.
 */
export async function* restorePlan(wanted: Ruleset, present: Present): AsyncGenerator<RestoreStep> {
  if (wanted.timeouts !== undefined) yield { kind: 'set', timeouts: wanted.timeouts };
  for (const [key, { service, servers }] of wanted.services) {
    const before = present.services.get(key);
    if (before === undefined) yield { kind: 'add-service', service };
    else if (!equalService(before, service)) yield { kind: 'edit-service', service };
    yield* serverSteps(
      service.id,
      servers,
      before === undefined ? new Map() : await present.serversOf(service.id),
    );
  }
  for (const [key, { id }] of present.services)
    if (!wanted.services.has(key)) yield { kind: 'delete-service', id };
  for (const daemon of wanted.daemons) {
    const before = present.daemons.find(({ state }) => state === daemon.state);
    if (before !== undefined && speaksAlike(before, daemon)) continue;
    if (before !== undefined) yield { kind: 'stop-daemon', state: daemon.state };
    yield { kind: 'start-daemon', daemon };
  }
}

function* serverSteps(
  id: IpvsServiceId,
  wanted: ReadonlyMap<string, IpvsServer>,
  present: ReadonlyMap<string, IpvsServer>,
): Generator<RestoreStep> {
  for (const [key, server] of wanted) if (!present.has(key)) yield { kind: 'add-server', id, server };
  for (const [key, server] of wanted) {
    const before = present.get(key);
    if (before !== undefined && !equalServer(before, server)) yield { kind: 'edit-server', id, server };
  }
  for (const [key, server] of present)
    if (!wanted.has(key)) yield { kind: 'delete-server', id, server: endpointOf(server) };
}

const endpointOf = ({ address, port }: IpvsServer): Endpoint => ({ address, port });

/** IP_VS_SVC_F_HASHED, which the kernel sets for itself. */
const HASHED = 0x2;

function equalService(a: IpvsService, b: IpvsService): boolean {
  const isPersistent = (b.flags & PERSISTENT) !== 0;
  return (
    a.scheduler === b.scheduler &&
    (a.flags & ~HASHED) === (b.flags & ~HASHED) &&
    a.pe === b.pe &&
    (!isPersistent || (a.timeout === b.timeout && a.netmask === b.netmask))
  );
}

function equalServer(a: IpvsServer, b: IpvsServer): boolean {
  const tunnelText = ({ tunnel: { type, port, flags } = { type: 'ipip', port: 0, flags: 0 } }: IpvsServer) =>
    `${type} ${port} ${flags}`;
  return (
    a.forward === b.forward &&
    a.weight === b.weight &&
    a.upper_threshold === b.upper_threshold &&
    a.lower_threshold === b.lower_threshold &&
    (b.forward !== 'tunnel' || tunnelText(a) === tunnelText(b))
  );
}

/** What the rules leave to the kernel is as it is. */
function speaksAlike(present: IpvsDaemon, wanted: IpvsDaemon): boolean {
  const keys = Object.keys(wanted) as (keyof IpvsDaemon)[];
  return keys.every((key) => present[key] === wanted[key]);
}
