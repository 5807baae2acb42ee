/** What `ipvsadm --help` and `--version` say, with or without ip_vs. */
import { VERSION } from '../api/version.ts';

/** The version that this one stands in for stands first, where scripts look for it. */
export const versionText = `ipvsadm v1.31 2019/12/24 (compiled with Weir ${VERSION} and IPVS v1.2.1)`;

/** How it is called. */
export const USAGE: readonly string[] = [
  'ipvsadm -A|-E SERVICE [-s SCHEDULER] [-p [SECONDS]] [-M MASK] [--pe ENGINE] [-o] [-b FLAGS]',
  'ipvsadm -D SERVICE',
  'ipvsadm -a|-e SERVICE -r SERVER [-g|-i|-m] [-w WEIGHT] [-x UPPER] [-y LOWER] [tunnel options]',
  'ipvsadm -d SERVICE -r SERVER',
  'ipvsadm [-L|-l [SERVICE] [list options]]',
  'ipvsadm -Z [SERVICE]',
  'ipvsadm -C',
  'ipvsadm -S [-n] [--all]',
  'ipvsadm -R [--strict-compat]',
  'ipvsadm --set TCP TCPFIN UDP',
  'ipvsadm --start-daemon master|backup [daemon options]',
  'ipvsadm --stop-daemon master|backup',
  'ipvsadm -h | -v',
];

/** Words of the command line under a title. */
export interface HelpGroup {
  readonly title: string;
  /** Such as `-p, --persistent [SECONDS]`, and what it does. */
  readonly rows: readonly (readonly [words: string, text: string])[];
}

/** All words, as the help lists them. */
export const HELP_GROUPS: readonly HelpGroup[] = [
  {
    title: 'Commands, of which one comes first',
    rows: [
      ['-A, --add-service', 'add a virtual service'],
      ['-E, --edit-service', 'replace what is said of one, but for its servers'],
      ['-D, --delete-service', 'remove one and its servers'],
      ['-a, --add-server', 'add a real server to a service'],
      ['-e, --edit-server', 'replace what is said of one'],
      ['-d, --delete-server', 'remove one'],
      ['-L, -l, --list', 'show services, connections, time-outs or daemons'],
      ['-Z, --zero', 'set counters to zero'],
      ['-C, --clear', 'remove all services'],
      ['-S, --save', 'print rules that make what there is'],
      ['-R, --restore', 'read rules from standard input and add what they say'],
      ['--set', 'set time-outs in seconds, 0 leaves one as it is'],
      ['--start-daemon', 'start sending or taking the states of connections'],
      ['--stop-daemon', 'stop it'],
      ['-h, --help', 'this text'],
      ['-v, --version', 'the version'],
    ],
  },
  {
    title: 'SERVICE is one of',
    rows: [
      ['-t, --tcp-service HOST[:PORT]', 'TCP; without a port, every port, which needs -p'],
      ['-u, --udp-service HOST[:PORT]', 'UDP'],
      ['--sctp-service HOST[:PORT]', 'SCTP'],
      ['-f, --fwmark-service MARK [-6, --ipv6]', 'what the firewall has marked; -6: of IPv6'],
    ],
  },
  {
    title: 'Options of services',
    rows: [
      [
        '-s, --scheduler NAME',
        'rr, wrr, lc, wlc (if none is given), lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh …',
      ],
      ['-p, --persistent [SECONDS]', 'keep a client at its server, for 360 seconds when none are given'],
      ['-M, --netmask MASK', 'which clients count as one; of IPv6, a prefix length'],
      ['--pe ENGINE', 'know clients by something else: sip'],
      ['-o, --ops', 'schedule every packet by itself (UDP)'],
      ['-b, --sched-flags FLAGS', 'sh-fallback,sh-port, mh-fallback,mh-port, or flag-1,flag-2,flag-3'],
    ],
  },
  {
    title: 'Options of servers',
    rows: [
      ['-r, --real-server HOST[:PORT]', "without a port, the service's"],
      ['-g, --gatewaying', 'by direct routing (when none of the three is given)'],
      ['-i, --ipip', 'by a tunnel'],
      ['-m, --masquerading', 'by network address translation'],
      ['-w, --weight WEIGHT', '0 to 2147483647, 1 when none is given'],
      ['-x, --u-threshold NUMBER', 'no new connections from so many on'],
      ['-y, --l-threshold NUMBER', 'again from fewer than so many on'],
      ['--tun-type TYPE', 'ipip, gue or gre'],
      ['--tun-port PORT', 'of gue'],
      ['--tun-nocsum', 'gue and gre: no checksum (when none of the three is given)'],
      ['--tun-csum', 'gue and gre: with a checksum'],
      ['--tun-remcsum', 'gue: the checksum within is left to the server'],
    ],
  },
  {
    title: 'Options of listings',
    rows: [
      ['-n, --numeric', 'numbers for hosts and ports'],
      ['-c, --connection', 'connections; with --persistent-conn also what engines know them by'],
      ['--timeout', 'time-outs'],
      ['--daemon', 'sync daemons'],
      ['--stats, --rate', 'counters, or how fast they rise'],
      ['--exact', 'with all digits'],
      ['--thresholds', 'thresholds of servers'],
      ['--persistent-conn', 'connections of clients that are kept at a server'],
      ['--tun-info', 'tunnels'],
      ['--nosort', "in the kernel's order"],
      ['--sort', 'does nothing'],
    ],
  },
  {
    title: 'Options of sync daemons',
    rows: [
      ['--syncid NUMBER', '0 to 255, 0 when none is given'],
      ['--sync-maxlen BYTES', 'the longest message; without it, what the interface takes'],
      ['--mcast-interface NAME', 'eth0 when none is given'],
      ['--mcast-group ADDRESS', '224.0.0.81 when none is given'],
      ['--mcast-port PORT', '8848 when none is given'],
      ['--mcast-ttl NUMBER', '1 when none is given'],
    ],
  },
  {
    title: 'Not in other versions of ipvsadm',
    rows: [
      ['--all', 'save thresholds, time-outs and sync daemons as well'],
      ['--strict-compat', 'restore line by line; else all rules are read before the first is done'],
    ],
  },
];

/** A word without a short form stands below the long ones. */
const indent = (words: string) => (words.startsWith('--') ? `    ${words}` : words);

function groupText({ title, rows }: HelpGroup): string {
  const width = Math.max(...rows.map(([words]) => indent(words).length));
  const lines = rows.map(([words, text]) => `  ${indent(words).padEnd(width + 2)}${text}`);
  return [`${title}:`, ...lines].join('\n');
}

/** The whole help. */
export const helpText = [
  [versionText, 'Usage:', ...USAGE.map((line) => `  ${line}`)].join('\n'),
  ...HELP_GROUPS.map(groupText),
].join('\n\n');
