/** The words of ipvsadm's command line (ipvsadm(8), and what Debian's 1.31 was seen to do). */

/** Commands by the words that messages name them with. */
export const COMMANDS = [
  'add-service',
  'edit-service',
  'delete-service',
  'flush',
  'restore',
  'save',
  'add-server',
  'edit-server',
  'delete-server',
  'list',
  'zero',
  'set',
  'start-daemon',
  'stop-daemon',
  'help',
  'version',
] as const;
export type CommandWord = (typeof COMMANDS)[number];

/** Options by the words that messages name them with, in the order in which they are checked. */
export const OPTIONS = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'mcast-interface',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'syncid',
  'exact',
  'ops',
  'pe',
  'sched-flags',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
  'tun-info',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
] as const;
export type OptionWord = (typeof OPTIONS)[number];

/** What stands on a command line: a command, an option, or one of ours that the real one does not know. */
export type Meaning =
  | { readonly command: CommandWord }
  | { readonly option: OptionWord; readonly value?: string }
  | { readonly own: 'ipv6' | 'sort' | 'all' | 'strict-compat' };

/** Whether a word takes an argument; an optional one must not begin with a hyphen. */
export type Argument = 'none' | 'required' | 'optional';

/** One word of the command line. */
export interface Word {
  readonly long?: string;
  readonly short?: string;
  readonly argument: Argument;
  readonly meaning: Meaning;
}

const command = (long: string, short: string | undefined, word: CommandWord, argument: Argument): Word => ({
  long,
  ...(short !== undefined && { short }),
  argument,
  meaning: { command: word },
});

const option = (
  long: string,
  short: string | undefined,
  argument: Argument,
  word: OptionWord,
  value?: string,
): Word => ({
  long,
  ...(short !== undefined && { short }),
  argument,
  meaning: { option: word, ...(value !== undefined && { value }) },
});

/** All words that the real ipvsadm knows. `value`: which of several words for the same option it is. */
export const WORDS: readonly Word[] = [
  command('add-service', 'A', 'add-service', 'none'),
  command('edit-service', 'E', 'edit-service', 'none'),
  command('delete-service', 'D', 'delete-service', 'none'),
  command('clear', 'C', 'flush', 'none'),
  command('list', 'L', 'list', 'none'),
  { short: 'l', argument: 'none', meaning: { command: 'list' } },
  command('zero', 'Z', 'zero', 'none'),
  command('add-server', 'a', 'add-server', 'none'),
  command('edit-server', 'e', 'edit-server', 'none'),
  command('delete-server', 'd', 'delete-server', 'none'),
  command('set', undefined, 'set', 'none'),
  command('help', 'h', 'help', 'none'),
  command('version', 'v', 'version', 'none'),
  command('restore', 'R', 'restore', 'none'),
  command('save', 'S', 'save', 'none'),
  command('start-daemon', undefined, 'start-daemon', 'required'),
  command('stop-daemon', undefined, 'stop-daemon', 'required'),
  option('tcp-service', 't', 'required', 'service-address', 'tcp'),
  option('udp-service', 'u', 'required', 'service-address', 'udp'),
  option('sctp-service', undefined, 'required', 'service-address', 'sctp'),
  option('fwmark-service', 'f', 'required', 'service-address', 'fwmark'),
  option('scheduler', 's', 'required', 'scheduler'),
  option('persistent', 'p', 'optional', 'persistent'),
  option('netmask', 'M', 'required', 'netmask'),
  option('real-server', 'r', 'required', 'real-server'),
  option('masquerading', 'm', 'none', 'forwarding-method', 'masq'),
  option('ipip', 'i', 'none', 'forwarding-method', 'tunnel'),
  option('gatewaying', 'g', 'none', 'forwarding-method', 'route'),
  option('weight', 'w', 'required', 'weight'),
  option('u-threshold', 'x', 'required', 'u-threshold'),
  option('l-threshold', 'y', 'required', 'l-threshold'),
  option('numeric', 'n', 'none', 'numeric'),
  option('connection', 'c', 'none', 'connection'),
  option('mcast-interface', undefined, 'required', 'mcast-interface'),
  option('syncid', undefined, 'required', 'syncid'),
  option('sync-maxlen', undefined, 'required', 'sync-maxlen'),
  option('mcast-group', undefined, 'required', 'mcast-group'),
  option('mcast-port', undefined, 'required', 'mcast-port'),
  option('mcast-ttl', undefined, 'required', 'mcast-ttl'),
  option('timeout', undefined, 'none', 'timeout'),
  option('daemon', undefined, 'none', 'daemon'),
  option('stats', undefined, 'none', 'stats'),
  option('rate', undefined, 'none', 'rate'),
  option('thresholds', undefined, 'none', 'thresholds'),
  option('persistent-conn', undefined, 'none', 'persistent-conn'),
  option('tun-info', undefined, 'none', 'tun-info'),
  option('nosort', undefined, 'none', 'nosort'),
  option('exact', undefined, 'none', 'exact'),
  option('ops', 'o', 'none', 'ops'),
  option('pe', undefined, 'required', 'pe'),
  option('sched-flags', 'b', 'required', 'sched-flags'),
  option('tun-type', undefined, 'required', 'tun-type'),
  option('tun-port', undefined, 'required', 'tun-port'),
  option('tun-nocsum', undefined, 'none', 'tun-nocsum'),
  option('tun-csum', undefined, 'none', 'tun-csum'),
  option('tun-remcsum', undefined, 'none', 'tun-remcsum'),
  { long: 'ipv6', short: '6', argument: 'none', meaning: { own: 'ipv6' } },
  { long: 'sort', argument: 'none', meaning: { own: 'sort' } },
  { long: 'all', argument: 'none', meaning: { own: 'all' } },
  { long: 'strict-compat', argument: 'none', meaning: { own: 'strict-compat' } },
];

const BY_LONG = new Map(WORDS.flatMap((word) => (word.long === undefined ? [] : [[word.long, word]])));
const BY_SHORT = new Map(WORDS.flatMap((word) => (word.short === undefined ? [] : [[word.short, word]])));

/** The word after two hyphens; abbreviations are none. */
export const longWord = (name: string): Word | undefined => BY_LONG.get(name);

/** The word of one letter. */
export const shortWord = (letter: string): Word | undefined => BY_SHORT.get(letter);
