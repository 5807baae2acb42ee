/** Which options go with which command. */
import type { CommandWord, OptionWord } from './options.ts';
import { OPTIONS } from './options.ts';
import { fail } from './refuse.ts';

/** Where each option that was given stands. */
export type Given = ReadonlyMap<OptionWord, number>;

interface Rules {
  readonly needs?: readonly OptionWord[];
  readonly allows?: readonly OptionWord[];
  /** By option: those it cannot stand beside, in the order in which they are looked for. */
  readonly conflicts?: Partial<Record<OptionWord, readonly OptionWord[]>>;
}

const SERVICE: Rules = {
  needs: ['service-address'],
  allows: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};
const SERVER: Rules = {
  needs: ['service-address', 'real-server'],
  allows: [
    'forwarding-method',
    'weight',
    'u-threshold',
    'l-threshold',
    'tun-type',
    'tun-port',
    'tun-nocsum',
    'tun-csum',
    'tun-remcsum',
  ],
};

const RULES: Readonly<Record<CommandWord, Rules>> = {
  'add-service': SERVICE,
  'edit-service': SERVICE,
  'delete-service': { needs: ['service-address'] },
  flush: {},
  restore: {},
  save: { allows: ['numeric'] },
  'add-server': SERVER,
  'edit-server': SERVER,
  'delete-server': { needs: ['service-address', 'real-server'] },
  list: {
    allows: [
      'numeric',
      'connection',
      'service-address',
      'timeout',
      'daemon',
      'stats',
      'rate',
      'thresholds',
      'persistent-conn',
      'nosort',
      'syncid',
      'exact',
      'tun-info',
    ],
    conflicts: {
      'service-address': ['connection'],
      timeout: ['connection', 'service-address'],
      daemon: ['connection', 'service-address', 'timeout'],
    },
  },
  zero: { allows: ['service-address'] },
  set: {},
  'start-daemon': {
    allows: ['mcast-interface', 'syncid', 'sync-maxlen', 'mcast-group', 'mcast-port', 'mcast-ttl'],
  },
  'stop-daemon': { allows: ['syncid'] },
  help: {},
  version: {},
};

/** Refuses what does not go with the command, and misses what it needs; the first in the order of the options. */
export function checkOptions(command: CommandWord, given: Given): void {
  const { needs = [], allows = [], conflicts = {} } = RULES[command];
  for (const option of OPTIONS) {
    const at = given.get(option);
    if (at === undefined) {
      if (needs.includes(option))
        fail(`You need to supply the '${option}' option for the '${command}' command`);
      continue;
    }
    if (!needs.includes(option) && !allows.includes(option))
      fail(`Illegal '${option}' option with the '${command}' command`, at);
    const other = conflicts[option]?.find((one) => given.has(one));
    if (other !== undefined)
      fail(`The option '${option}' conflicts with the '${other}' option in the '${command}' command`, at);
  }
}

const TUNNEL_OPTIONS = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const;

/** Which options go with which kind of tunnel. */
export function checkTunnelOptions(type: 'ipip' | 'gue' | 'gre', given: Given): void {
  const allowed: readonly OptionWord[] = {
    ipip: [],
    gue: TUNNEL_OPTIONS,
    gre: ['tun-nocsum', 'tun-csum'] as const,
  }[type];
  for (const option of TUNNEL_OPTIONS) {
    const at = given.get(option);
    if (at === undefined) {
      if (option === 'tun-port' && type === 'gue')
        fail(`You need to supply the '${option}' option for the '${type}' tunnel type`);
      continue;
    }
    if (!allowed.includes(option)) fail(`Illegal '${option}' option with the '${type}' tunnel type`, at);
    const before = TUNNEL_OPTIONS.slice(1, TUNNEL_OPTIONS.indexOf(option));
    const other = option === 'tun-port' ? undefined : before.find((one) => given.has(one));
    if (other !== undefined)
      fail(`The option '${option}' conflicts with the '${other}' option in the '${type}' tunnel type`, at);
  }
}
