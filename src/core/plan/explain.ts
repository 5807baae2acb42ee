/** Says what a step does, in lines for people. A line starts with `+` (made), `-` (removed) or `~` (changed). */
import { type Endpoint, familyOf, formatEndpoint, widthOf } from '../address/address.ts';
import { type Masquerade, masqueradeKey, type Vip, vipKey } from '../model/host.ts';
import { equalPersistence } from '../model/persistence.ts';
import { type RealServer, SERVICE_OPTIONS, serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from '../model/state.ts';
import { syncDaemonText } from '../model/sync-daemon.ts';
import { equalTunnel, tunnelText } from '../model/tunnel.ts';
import type { Plan, Step, StepKind, StepOf } from './step.ts';

/** A duration as configured, in the largest units that keep it exact: `15m`, `1h30m`, `1500ms`. Takes whole milliseconds, 0 or more. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms % 1000 !== 0) return `${ms}ms`;
  const seconds = ms / 1000;
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
const vipText = (vip: Vip) => `vip ${vipKey(vip)}${vip.label === undefined ? '' : ` label ${vip.label}`}`;
const masqueradeText = (rule: Masquerade) => `masquerade ${masqueradeKey(rule)}`;
const serverText = (server: RealServer) =>
  `server ${formatEndpoint(server)}  weight ${server.weight}${thresholdsText(server, '  ')}${methodText(server, '  ')}`;

/** How packets get to it where that is not by NAT: `direct`, `tunnel`, `tunnel (gue port 6080)`. */
export function methodText({ method, tunnel }: Pick<RealServer, 'method' | 'tunnel'>, before = ''): string {
  if (method === undefined) return '';
  return `${before}${method}${tunnel === undefined ? '' : ` (${tunnelText(tunnel)})`}`;
}

/** Its thresholds: `at most 100, again below 75`; empty without. */
function thresholdsText({ upper_threshold: upper, lower_threshold: lower }: RealServer, before = ''): string {
  if (upper === undefined) return '';
  return `${before}at most ${upper}${lower === undefined ? '' : `, again below ${lower}`}`;
}

/** A scheduler and its flags: `sh`, `sh (sh-port)`. */
const schedulerText = ({ scheduler, scheduler_flags: flags = [] }: VirtualService) =>
  flags.length === 0 ? scheduler : `${scheduler} (${flags.join(', ')})`;

/** The states whose time-outs differ. */
const differing = (before: Timeouts, after: Timeouts) =>
  (Object.keys(after) as (keyof Timeouts)[]).filter((state) => before[state] !== after[state]);

const timeoutChanges = (before: Timeouts, after: Timeouts): string[] =>
  differing(before, after).map(
    (state) => `~ timeout ${state}  ${formatDuration(before[state])} → ${formatDuration(after[state])}`,
  );

const byEndpoint = (servers: readonly RealServer[]) =>
  new Map(servers.map((server) => [formatEndpoint(server as Endpoint), server]));

/** One line per server removed, reweighted or added; one for a new order when the servers are the same. */
function serverChanges(before: readonly RealServer[], after: readonly RealServer[]): string[] {
  const old = byEndpoint(before);
  const now = byEndpoint(after);
  const gone = [...old].filter(([key]) => !now.has(key)).map(([, server]) => `- ${serverText(server)}`);
  const changed: string[] = [];
  const added: string[] = [];
  for (const [key, server] of now) {
    const was = old.get(key);
    if (was === undefined) added.push(`+ ${serverText(server)}`);
    else {
      const [limits, now] = [was, server].map((one) => thresholdsText(one) || 'any number');
      if (was.weight !== server.weight) changed.push(`~ weight of ${key}  ${was.weight} → ${server.weight}`);
      if (limits !== now) changed.push(`~ connections of ${key}  ${limits} → ${now}`);
      if (was.method !== server.method || !equalTunnel(was.tunnel, server.tunnel))
        changed.push(`~ method of ${key}  ${methodText(was) || 'nat'} → ${methodText(server) || 'nat'}`);
    }
  }
  const lines = [...gone, ...changed, ...added];
  const keys = [...now.keys()];
  const reordered = gone.length + added.length === 0 && [...old.keys()].some((key, at) => key !== keys[at]);
  return reordered ? [...lines, '~ order of its servers'] : lines;
}

/** `persistent 5m`, and how clients are grouped if they are; `not persistent`. */
export function persistenceText({
  address,
  persistence,
}: Pick<VirtualService, 'address' | 'persistence'>): string {
  if (persistence === undefined) return 'not persistent';
  const { timeout, granularity } = persistence;
  const grouped = granularity < widthOf(familyOf(address)) ? ` by /${granularity}` : '';
  const quiescent = persistence.expire_quiescent_template ? ', not at weight 0' : '';
  const engine = persistence.engine === undefined ? '' : ` by ${persistence.engine}`;
  return `persistent ${formatDuration(timeout)}${grouped}${engine}${quiescent}`;
}

/** One line for each option that is turned on or off. */
function optionChanges(before: Partial<VirtualService>, after: VirtualService): string[] {
  const word = (on: true | undefined): string => (on ? 'on' : 'off');
  return SERVICE_OPTIONS.filter((name) => before[name] !== after[name]).map(
    (name) => `~ ${name}  ${word(before[name])} → ${word(after[name])}`,
  );
}

function persistenceChange(before: VirtualService, after: VirtualService): string[] {
  if (equalPersistence(before.persistence, after.persistence)) return [];
  return [`~ persistence  ${persistenceText(before)} → ${persistenceText(after)}`];
}

/** What becomes of connections that no server is there for: `sorry server 192.168.1.200:80`, `dropped`, `rejected`. */
function fallbackText({ sorry_server: sorry, no_server }: VirtualService): string {
  if (sorry !== undefined) return `sorry server ${formatEndpoint(sorry)}`;
  return no_server === 'drop' ? 'dropped' : 'rejected';
}

function fallbackChange(before: VirtualService, after: VirtualService): string[] {
  const [was, is] = [fallbackText(before), fallbackText(after)];
  return was === is ? [] : [`~ without a server  ${was} → ${is}`];
}

function onDownChange({ on_down: was }: VirtualService, { on_down: is }: VirtualService): string[] {
  return was === is ? [] : [`~ connections of a server that goes down  ${was ?? 'keep'} → ${is ?? 'keep'}`];
}

/** One line for each server that goes, and whose connections end, or that goes no more. */
function goneChanges({ gone: before = [] }: VirtualService, { gone: after = [] }: VirtualService): string[] {
  const [was, is] = [before.map(formatEndpoint), after.map(formatEndpoint)];
  return [
    ...is.filter((one) => !was.includes(one)).map((one) => `- connections of ${one}`),
    ...was.filter((one) => !is.includes(one)).map((one) => `~ connections of ${one}  end → stay`),
  ];
}

function explainNewService(service: VirtualService): string[] {
  const head = `+ service ${serviceKey(service)}  ${schedulerText(service)}, ${count(service.servers.length, 'server')}`;
  const timeouts = differing(DEFAULT_TIMEOUTS, service.timeouts).map(
    (state) => `timeout ${state}  ${formatDuration(service.timeouts[state])}`,
  );
  const persistence = service.persistence === undefined ? [] : [persistenceText(service)];
  const fallback = fallbackText(service) === 'rejected' ? [] : [`without a server  ${fallbackText(service)}`];
  const onDown = service.on_down === 'reset' ? ['connections of a server that goes down  reset'] : [];
  return [
    head,
    ...[
      ...persistence,
      ...SERVICE_OPTIONS.filter((name) => service[name]),
      ...timeouts,
      ...service.servers.map(serverText),
      ...fallback,
      ...onDown,
    ].map((line) => `+   ${line}`),
  ];
}

function explainChangedService(before: VirtualService, after: VirtualService): string[] {
  const changes = [
    ...(schedulerText(before) === schedulerText(after)
      ? []
      : [`~ scheduler  ${schedulerText(before)} → ${schedulerText(after)}`]),
    ...persistenceChange(before, after),
    ...optionChanges(before, after),
    ...timeoutChanges(before.timeouts, after.timeouts),
    ...serverChanges(before.servers, after.servers),
    ...fallbackChange(before, after),
    ...onDownChange(before, after),
    ...goneChanges(before, after),
  ];
  const head = `~ service ${serviceKey(after)}`;
  if (changes.length === 0) return [`${head}  published again`];
  const [only] = changes;
  // A single change fits on the service's own line; `~ service …  - server …` would hide its sign, so only `~` joins.
  if (changes.length === 1 && only?.startsWith('~')) return [`${head}  ${only.slice(2)}`];
  return [head, ...changes.map((line) => `${line.slice(0, 1)}   ${line.slice(2)}`)];
}

const EXPLANATIONS: { readonly [K in StepKind]: (step: StepOf<K>) => string[] } = {
  set_sysctl: ({ name, from, to }) => [`~ sysctl ${name}  ${from ?? 'unknown'} → ${to}`],
  mend_plane: ({ found }) => [`~ data plane  ${found.join('; ')}`],
  add_masquerade: ({ rule }) => [`+ ${masqueradeText(rule)}`],
  remove_masquerade: ({ rule }) => [`- ${masqueradeText(rule)}`],
  publish_service: ({ before, after }) =>
    before === undefined ? explainNewService(after) : explainChangedService(before, after),
  remove_service: ({ key, before }) => [`- service ${key}  ${count(before.servers.length, 'server')}`],
  set_forwarding: ({ from, to }) => [`~ forwarding  ${from} → ${to}`],
  attach: ({ interface: { name, side } }) => [`+ program on ${name} (${side})`],
  detach: ({ interface: { name, side } }) => [`- program on ${name} (${side})`],
  add_vip: ({ vip }) => [`+ ${vipText(vip)}`],
  remove_vip: ({ vip }) => [`- ${vipText(vip)}`],
  start_sync_daemon: ({ before, after }) => [
    before === undefined
      ? `+ ${after.role} sync daemon  ${syncDaemonText(after)}`
      : `~ ${after.role} sync daemon  ${syncDaemonText(before)} → ${syncDaemonText(after)}`,
  ],
  stop_sync_daemon: ({ before }) => [`- ${before.role} sync daemon  ${syncDaemonText(before)}`],
};

/** What a step does: its first line says all that fits in one, further lines are indented below their sign. */
export function explainStep(step: Step): string[] {
  const explain = EXPLANATIONS[step.kind] as (step: Step) => string[];
  return explain(step);
}

/** All steps of a plan in their order, and a last line that counts them: `3 changes`, or `no changes`. */
export function explainPlan(plan: Plan): string[] {
  if (plan.length === 0) return ['no changes'];
  return [...plan.flatMap(explainStep), count(plan.length, 'change')];
}
