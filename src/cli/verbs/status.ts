/** `weir status`: on one screen, whether all is well, and where to look if it is not. */
import type { AnyOverride, Readiness, Status } from '../../api/control.ts';
import { type Tally, tallyOf } from '../../core/health/tally.ts';
import { EXIT } from '../exit.ts';
import { output, type Session } from '../session.ts';
import { clean, plural } from '../text.ts';
import type { Verb } from '../verb.ts';
import { migrationText } from './migrate.ts';

/** Services that are named; more are only counted. */
const NAMED = 5;

const number = (count: number): string => count.toLocaleString('en');
const mebibytes = (bytes: number): string => number(Math.ceil(bytes / 2 ** 20));

/** What the servers do, in words; what none of them does is left out. */
const PARTS = [
  ['serving', 'take connections'],
  ['held', 'drained or disabled'],
  ['down', 'down'],
  ['weightless', 'at weight 0'],
] as const;

type Line = readonly [title: string, text: string, isWorrying?: boolean];

function loadLines({ services, without_server, servers, connections }: Tally): readonly Line[] {
  const parts = PARTS.filter(([part]) => servers[part] > 0).map(
    ([part, words]) => `${number(servers[part])} ${words}`,
  );
  const named = without_server.slice(0, NAMED).join(', ');
  const more = without_server.length > NAMED ? ', …' : '';
  return [
    ['services', number(services)],
    ...(without_server.length === 0
      ? []
      : [
          [
            '',
            `${number(without_server.length)} without a server that takes connections: ${named}${more}`,
            true,
          ] as const,
        ]),
    ['servers', [number(servers.all), parts.join(', ')].filter(Boolean).join(': '), servers.down > 0],
    ['connections', `${number(connections.active)} active, ${number(connections.inactive)} inactive`],
  ];
}

/** How the health checks keep their times; a daemon of an earlier version, or without checks, says nothing. */
function checksLines({ checks }: Partial<Pick<Status, 'checks'>>): readonly Line[] {
  if (checks === undefined || checks.checks === 0) return [];
  const { checks: count, late_p50_ms, late_p99_ms } = checks;
  return [
    [
      'checks',
      `${number(count)}, begun ${late_p50_ms} ms late by the median, ${late_p99_ms} ms by the 99th percentile`,
    ],
  ];
}

/** A daemon of an earlier version says nothing of the planes. */
function planeLines(status: Status): readonly Line[] {
  const { dataplane_chosen: chosen, migration } = status;
  return [
    ['plane', status.plane],
    ...(chosen ? [['chosen', `${chosen.plane} over the configuration, since ${chosen.since}`] as const] : []),
    ...(migration ? [['moving', migrationText(migration)] as const] : []),
    ...(status.retiring ?? []).map(
      ({ layout, connections, until }): Line => [
        'older',
        `plane ${layout} finishes ${connections ?? 'its'} connections, until ${until} at most`,
      ],
    ),
  ];
}

function statusText(
  { style }: Session,
  status: Status,
  readiness: Readiness,
  tally: Tally,
  overrides: readonly AnyOverride[],
): string {
  const { ok, at, message } = status.last_reload;
  const { resident, kernel } = status.memory;
  const lines: readonly Line[] = [
    [
      'daemon',
      `pid ${status.pid}, since ${status.started_at}; ${mebibytes(resident)} MiB, and ${mebibytes(kernel)} MiB of tables in the kernel`,
    ],
    ...planeLines(status),
    ['config', `${status.config_file}, version ${status.config_version}`],
    ['reload', `${ok ? 'done' : 'refused'} at ${at}: ${message}`, !ok],
    ...loadLines(tally),
    ...checksLines(status),
    ...(overrides.length === 0
      ? []
      : [['overrides', `${plural(overrides.length, 'override')}; see weir overrides`] as const]),
  ];
  const head = readiness.ready
    ? `weir ${status.version}: ${style.green('all is as configured')}`
    : `weir ${status.version}: ${style.red('not as configured')}: ${clean(readiness.detail)}`;
  return [
    head,
    ...lines.map(([title, text, isWorrying]) => {
      const line = clean(text);
      return `${title.padEnd(13)}${isWorrying ? style.yellow(line) : line}`;
    }),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

export const status: Verb = {
  name: 'status',
  group: 'Looking:',
  summary: 'say on one screen whether all is well',
  description:
    'Shows whether all is as configured and if not, why; the daemon, its data plane and configuration; how many servers take ' +
    'connections and which services have none that does; what operators have changed. Exits with 1 when something is not as ' +
    'configured, or a service is without a server; with 4 when no daemon answers.',
  examples: [
    ['weir status', 'the first thing to look at'],
    ['weir status > /dev/null || weir events --past', 'in a script'],
    ['weir status -o json', 'for a bug report'],
  ],
  async run(session) {
    const { client } = session;
    const [daemon, readiness, services, servers, overrides] = await Promise.all([
      client.status(),
      client.readiness(),
      client.services(),
      client.servers(),
      client.overrides(),
    ]);
    const tally = tallyOf(services, servers);
    await output(session, { ...readiness, daemon, ...tally, overrides: overrides.length }, () =>
      statusText(session, daemon, readiness, tally, overrides),
    );
    return readiness.ready && tally.without_server.length === 0 ? EXIT.done : EXIT.failed;
  },
};
