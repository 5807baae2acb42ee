/** A command line of ipvsadm → what it asks for, or why it asks for nothing. No I/O: names come from `names`. */
import { familyOf } from '../core/address/address.ts';
import {
  IPVS_DAEMON_STATES,
  type IpvsServer,
  type IpvsService,
  type IpvsServiceId,
} from '../dataplane/ipvs/codec/values.ts';
import { checkOptions, checkTunnelOptions } from './check-options.ts';
import type { Command, ListCommand, ListView, Parsed } from './command.ts';
import { type Draft, emptyDraft } from './draft.ts';
import { ONE_PACKET, PERSISTENT, parseSchedulerFlags } from './flags.ts';
import type { Names } from './names.ts';
import { parseInteger } from './numbers.ts';
import type { CommandWord, OptionWord } from './options.ts';
import { fail, failScan, failUsage, Refused } from './refuse.ts';
import { type Scanner, scanner } from './scan.ts';
import { MONTH, takeIpv6, takeOption } from './take-option.ts';

/** The scheduler of a service that names none. */
const SCHEDULER = 'wlc';

/** Reads a command line without the program's name. Throws `HostNotLookedUp` when `names` does. */
export function parseCommand(argv: readonly string[], names: Names): Parsed {
  try {
    return { ok: true, command: parse(argv, names) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

function parse(argv: readonly string[], names: Names): Command {
  const draft = emptyDraft();
  if (argv.length === 0) return listCommand(draft);
  const words = scanner(argv);
  const first = words.next();
  if (first?.kind !== 'word' || !('command' in first.word.meaning)) failUsage();
  const { command } = first.word.meaning;
  // These two look at nothing else.
  if (command === 'help' || command === 'version') return { kind: command };
  if (command === 'start-daemon' || command === 'stop-daemon')
    takeState(draft, command, first.argument ?? '', first.at);
  readOptions(draft, command, words, names);
  const timeouts = command === 'set' ? readTimeouts(words) : undefined;
  const extra = words.leftovers[command === 'set' ? 3 : 0];
  if (extra !== undefined) fail(`unexpected argument ${extra.text}`, extra.at);
  const flags =
    draft.schedulerFlags === undefined
      ? 0
      : parseSchedulerFlags(draft.schedulerFlags, draft.scheduler, draft.given.get('sched-flags'));
  checkOptions(command, draft.given);
  return finish(command, draft, flags, timeouts);
}

function takeState(draft: Draft, command: 'start-daemon' | 'stop-daemon', text: string, at: number): void {
  const what = command === 'start-daemon' ? 'start-daemon parameter' : 'start_daemon';
  draft.daemon = IPVS_DAEMON_STATES.find((state) => state === text) ?? fail(`illegal ${what} specified`, at);
}

function readOptions(draft: Draft, command: CommandWord, words: Scanner, names: Names): void {
  for (let one = words.next(); one !== undefined; one = words.next()) {
    if (one.kind === 'mistake') failScan(one.text, one.at);
    const { meaning } = one.word;
    if ('command' in meaning) fail(`invalid option \`${words.lastTaken()}'`, one.at);
    if ('option' in meaning) {
      const { option: word, value } = meaning;
      takeOption(
        draft,
        {
          word,
          at: one.at,
          ...(value !== undefined && { value }),
          ...(one.argument !== undefined && { argument: one.argument }),
        },
        names,
      );
    } else if (meaning.own === 'ipv6') takeIpv6(draft, one.at);
    else if (meaning.own === 'all' && command === 'save') draft.all = true;
    else if (meaning.own === 'strict-compat' && command === 'restore') draft.strict = true;
    else if (meaning.own !== 'sort') failScan(`${words.lastTaken()}: unknown option`, one.at);
  }
}

function readTimeouts({ leftovers }: Scanner) {
  if (leftovers.length < 3) fail('--set option requires 3 timeout values');
  const [tcp, tcp_fin, udp] = leftovers
    .slice(0, 3)
    .map(
      ({ text, at }) =>
        parseInteger(text, 0, MONTH) ?? fail(`invalid timeout value \`${text}' specified`, at),
    );
  return { tcp: tcp!, tcp_fin: tcp_fin!, udp: udp! };
}

function finish(
  command: Exclude<CommandWord, 'help' | 'version'>,
  draft: Draft,
  flags: number,
  timeouts: ReturnType<typeof readTimeouts> | undefined,
): Command {
  switch (command) {
    case 'add-service':
    case 'edit-service':
      return { kind: command, service: serviceOf(draft, flags) };
    case 'delete-service':
      return { kind: command, id: idOf(draft) };
    case 'add-server':
    case 'edit-server':
      return { kind: command, id: idOf(draft), server: serverOf(draft) };
    case 'delete-server':
      return { kind: command, id: idOf(draft), server: draft.server! };
    case 'flush':
      return { kind: command };
    case 'list':
      return listCommand(draft);
    case 'zero':
      return { kind: command, ...(draft.given.has('service-address') && { id: idOf(draft) }) };
    case 'save':
      return { kind: command, numeric: draft.given.has('numeric'), all: draft.all };
    case 'restore':
      return { kind: command, strict: draft.strict };
    case 'set':
      return { kind: command, timeouts: timeouts! };
    case 'stop-daemon':
      return { kind: command, state: draft.daemon! };
    case 'start-daemon':
      return {
        kind: command,
        daemon: {
          state: draft.daemon!,
          mcast_interface: draft.mcastInterface,
          sync_id: draft.syncId,
          ...(draft.syncMaxlen !== undefined && { sync_maxlen: draft.syncMaxlen }),
          ...(draft.mcastGroup !== undefined && { mcast_group: draft.mcastGroup }),
          ...(draft.mcastPort !== undefined && { mcast_port: draft.mcastPort }),
          ...(draft.mcastTtl !== undefined && { mcast_ttl: draft.mcastTtl }),
        },
      };
  }
}

const idOf = ({ fwmark, family, protocol, address, port }: Draft): IpvsServiceId =>
  fwmark === undefined ? { protocol: protocol!, address: address!, port } : { fwmark, family };

function serviceOf(draft: Draft, flags: number): IpvsService {
  const { fwmark, port, persistent, onePacket, protocol, scheduler, timeout, netmask, pe } = draft;
  if (fwmark === undefined && port === 0 && !persistent)
    fail('Zero port specified for non-persistent service', draft.given.get('service-address'));
  if (onePacket && fwmark === undefined && protocol !== 'udp')
    fail('One-Packet Scheduling is only for UDP virtual services', draft.given.get('ops'));
  return {
    id: idOf(draft),
    scheduler: scheduler ?? SCHEDULER,
    flags: flags | (persistent ? PERSISTENT : 0) | (onePacket ? ONE_PACKET : 0),
    timeout,
    netmask,
    ...(pe !== undefined && { pe }),
  };
}

function serverOf(draft: Draft): IpvsServer {
  const { forward, family, fwmark, given, weight, upper, lower, tunnelType: type } = draft;
  const { address, port } = draft.server!;
  if (familyOf(address) !== family && forward !== 'tunnel')
    fail('Different address family is allowed only for tunneling servers', given.get('real-server'));
  const tunnelOption = (['tun-type', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const).find(
    (one) => given.has(one),
  );
  if (forward === 'tunnel') checkTunnelOptions(type, given);
  else if (tunnelOption !== undefined)
    fail('Tunnel options conflict with forward method', given.get(tunnelOption));
  return {
    address,
    // What is not rewritten arrives at the very port the client has asked for.
    port: forward !== 'masq' && fwmark === undefined ? draft.port : port,
    forward,
    weight,
    upper_threshold: upper,
    lower_threshold: lower,
    ...(forward === 'tunnel' && { tunnel: { type, port: draft.tunnelPort, flags: draft.tunnelFlags } }),
  };
}

/** The views by options, the first of those given counts. */
const VIEWS: readonly (OptionWord & ListView)[] = [
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'tun-info',
];

function listCommand(draft: Draft): ListCommand {
  const { given } = draft;
  const has = (option: OptionWord) => given.has(option);
  const clashing =
    (has('connection') ? (['stats', 'rate', 'thresholds'] as const) : undefined) ??
    (has('timeout') || has('daemon') ? (['stats', 'rate', 'thresholds', 'persistent-conn'] as const) : []);
  const clash = clashing.find(has);
  if (clash !== undefined) fail('options conflicts in the list command', given.get(clash));
  return {
    kind: 'list',
    what: has('connection')
      ? 'connections'
      : has('timeout')
        ? 'timeouts'
        : has('daemon')
          ? 'daemons'
          : 'services',
    view: VIEWS.find(has) ?? 'plain',
    ...(has('service-address') && { id: idOf(draft) }),
    numeric: has('numeric'),
    exact: has('exact'),
    sorted: !has('nosort'),
    engines: has('persistent-conn'),
  };
}
