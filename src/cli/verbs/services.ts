/** `weir services` and `weir servers`: what is balanced, onto whom, and how it is spread. */
import { formatEndpoint } from '../../core/address/address.ts';
import { type ServerHistory, type Turn, transitionText } from '../../core/health/history.ts';
import type { ServerStatus } from '../../core/health/status.ts';
import type { ServerCounters, ServiceCounters } from '../../core/model/counters.ts';
import { parseServiceKey, SERVICE_OPTIONS, type ServiceOption } from '../../core/model/service.ts';
import { methodText, persistenceText } from '../../core/plan/explain.ts';
import { EXIT } from '../exit.ts';
import { findServices } from '../find.ts';
import { output, type Session, say, table } from '../session.ts';
import { type Cell, type Column, layOut, type Row, totalWidth } from '../table.ts';
import { bar, humanCount, plural } from '../text.ts';
import type { Verb } from '../verb.ts';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

/** A bar is at most this wide, in characters, and not worth showing below the other. */
const WIDEST_BAR = 20;
const NARROWEST_BAR = 6;

const LOAD = [right('WEIGHT'), right('ACTIVE'), right('INACT')];
/** With -o wide. */
const MORE = [right('TEMPLATES'), right('CONNS'), right('INBYTES'), right('OUTBYTES')];

/** Where a server has them. */
const THRESHOLDS = [right('UPPER'), right('LOWER')];

const haveThresholds = (services: readonly ServiceCounters[]): boolean =>
  services.some(({ servers }) => servers.some(({ upper_threshold: upper }) => upper !== undefined));

/** Its thresholds, the upper one marked while they keep the server out. */
function thresholdCells({ style }: Session, server: ServerCounters): Row {
  const { upper_threshold: upper, lower_threshold: lower, overloaded } = server;
  const text = upper === undefined ? '-' : String(upper);
  return [overloaded ? { text: `overloaded ${text}`, paint: style.yellow } : text, String(lower ?? '-')];
}

function weightCell({ style }: Session, { weight, leaving, sorry }: ServerCounters): Cell {
  if (sorry) return { text: 'sorry', paint: style.dim };
  if (leaving) return { text: 'leaving', paint: style.dim };
  return weight === 0 ? { text: '0', paint: style.yellow } : { text: String(weight) };
}

const loadCells = (session: Session, server: ServerCounters): Row => [
  weightCell(session, server),
  String(server.active),
  String(server.inactive),
];

const moreCells = (server: ServerCounters): Row => [
  String(server.templates),
  humanCount(server.conns),
  humanCount(server.inbytes),
  humanCount(server.outbytes),
];

/** What part of its service's present connections a server has, 0–1; undefined when there are none. */
function shareOf(server: ServerCounters, service: ServiceCounters): number | undefined {
  const all = service.servers.reduce((sum, { active, inactive }) => sum + active + inactive, 0);
  return all === 0 ? undefined : (server.active + server.inactive) / all;
}

/** The scheduler, and its flags in brackets. */
const schedulerText = ({ scheduler, scheduler_flags: flags = [] }: ServiceCounters): string =>
  flags.length === 0 ? scheduler : `${scheduler} (${flags.join(', ')})`;

/** An option as ipvsadm calls it, where it does. */
const optionText = (name: ServiceOption): string => (name === 'one_packet' ? 'ops' : name);

/** `wlc`, `rr ops`, `sh (sh-port) persistent 5m by /24`, or `leaving`. */
function wordsOf(service: ServiceCounters): string {
  const { key, persistence, leaving } = service;
  if (leaving) return 'leaving';
  const address = parseServiceKey(key)?.address;
  const words = [schedulerText(service), ...SERVICE_OPTIONS.filter((name) => service[name]).map(optionText)];
  if (persistence === undefined || address === undefined) return words.join(' ');
  return [...words, persistenceText({ address, persistence })].join(' ');
}

function servicesText(session: Session, services: readonly ServiceCounters[]): string {
  const { style, width, options } = session;
  const wide = options.output === 'wide';
  const limited = haveThresholds(services);
  const columns = [
    left('SERVICE / SERVER'),
    ...LOAD,
    ...(limited ? THRESHOLDS : []),
    ...(wide ? MORE : []),
    right('SHARE'),
  ];
  const rowsWith = (barWidth: number): Row[] =>
    services.flatMap((service) => [
      [{ text: `${service.key}  ${wordsOf(service)}`, paint: style.cyan }],
      ...service.servers.map((server) => {
        const share = shareOf(server, service);
        return [
          `  ${formatEndpoint(server)}${methodText(server, '  ')}`,
          ...loadCells(session, server),
          ...(limited ? thresholdCells(session, server) : []),
          ...(wide ? moreCells(server) : []),
          share === undefined ? '-' : `${Math.round(share * 100)}%`,
          ...(barWidth === 0 ? [] : [{ text: bar(share ?? 0, barWidth), paint: style.green }]),
        ];
      }),
    ]);
  const room = width === undefined ? WIDEST_BAR : width - totalWidth(layOut(columns, rowsWith(0))) - 2;
  if (room < NARROWEST_BAR) return table(session, columns, rowsWith(0));
  return table(session, [...columns, left('')], rowsWith(Math.min(room, WIDEST_BAR)));
}

function healthCell({ style }: Session, { health }: ServerStatus): Cell {
  if (health === null) return { text: '-', paint: style.dim };
  const { verdict, checked } = health;
  if (!checked) return { text: `${verdict}?`, paint: style.yellow };
  return { text: verdict, paint: verdict === 'up' ? style.green : style.red };
}

/** Why a server does not weigh what is configured; empty where it does, or is about to. */
function whyText({ health, weight, configured_weight, factors, ...counters }: ServerStatus): string {
  const reducing = factors.find(({ name, value }) => name !== 'health' && value < 1);
  const left = counters.active + counters.inactive;
  const rest = reducing?.name === 'admin' && left > 0 ? `; ${plural(left, 'connection')} left` : '';
  const reduced = `${reducing?.reason ?? ''}${rest}`;
  if (health === null) return reduced;
  const { checked, reason, since, checks } = health;
  const stale = checks.some(({ feedback }) => feedback?.stale) ? staleIn(factors) : '';
  if (!checked) return stale || reason;
  if (health.verdict === 'down') {
    const panic = factors.find(({ name, value }) => name === 'health' && value > 0);
    const when = since === null ? '' : `, since ${since.slice(0, 19)}Z`;
    const hold = factors.find(({ name, value }) => name === 'flap' && value === 0);
    const besides = [panic, hold].flatMap((factor) =>
      factor === undefined || factor.reason === reason ? [] : `; ${factor.reason}`,
    );
    return `${reason}${when}${besides.join('')}`;
  }
  const doubtful = checks.find(({ against }) => against > 0);
  if (doubtful?.last)
    return `${doubtful.against} of ${doubtful.needed} checks failed: ${doubtful.last.reason}`;
  if (stale !== '') return stale;
  const needed = factors.find(({ name, value }) => name === 'flap' && value === 1);
  if (needed !== undefined) return needed.reason;
  if (weight !== configured_weight) return reduced || reason;
  return checks.find(({ warning }) => warning !== null)?.warning ?? '';
}

/** Said although the weight is the configured one: it should not be. */
const staleIn = (factors: ServerStatus['factors']): string =>
  factors.find(({ name, value }) => name === 'feedback' && value === 1)?.reason ?? '';

function serversText(session: Session, servers: readonly ServerStatus[]): string {
  const wide = session.options.output === 'wide';
  const columns = [left('SERVER'), left('SERVICE'), ...LOAD];
  const more = wide ? [right('CONFIGURED'), ...THRESHOLDS, ...MORE] : [];
  const cells = (server: ServerStatus, health: Row): Row => [
    formatEndpoint(server),
    server.service,
    ...loadCells(session, server),
    ...health,
    ...(wide
      ? [String(server.configured_weight ?? '-'), ...thresholdCells(session, server), ...moreCells(server)]
      : []),
  ];
  const whole = [...columns, left('HEALTH'), ...more, left('WHY')];
  const rows = servers.map((one) => [...cells(one, [healthCell(session, one)]), whyText(one)]);
  if (session.width === undefined || totalWidth(layOut(whole, rows)) <= session.width)
    return table(session, whole, rows);
  // On a narrow terminal health stands below.
  const narrow = servers.flatMap((one): Row[] => {
    const { text, paint = String } = healthCell(session, one);
    const below = [text, whyText(one)].filter((part) => part !== '').join(': ');
    return [cells(one, []), ...(one.health === null ? [] : [[{ text: `  ${below}`, paint }]])];
  });
  return table(session, [...columns, ...more], narrow);
}

/** A transition to a line, the oldest first. */
function historyText(session: Session, histories: readonly ServerHistory[]): string {
  const { style } = session;
  const paints: Partial<Record<Turn, typeof style.red>> = {
    up: style.green,
    down: style.red,
    held: style.red,
  };
  const rows = histories
    .flatMap(({ service, server, transitions }) => transitions.map((one) => ({ service, server, ...one })))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map((one): Row => {
      const to = { text: one.to, paint: paints[one.to] ?? String };
      return [`${one.at.slice(0, 19)}Z`, one.server, one.service, to, transitionText(one)];
    });
  return table(session, [left('TIME'), left('SERVER'), left('SERVICE'), left('TO'), left('WHY')], rows);
}

export const services: Verb = {
  name: 'services',
  operands: '[service]',
  group: 'Looking:',
  summary: 'list virtual services with their servers and load',
  description:
    'Lists every service, or the one named. ACTIVE connections are in ESTABLISHED, INACT(ive) ones in any other state ' +
    "(all of UDP); SHARE is a server's part of its service's present connections. Weight 0 takes no new connections; " +
    '`leaving` is no longer configured and only finishes what it has; `sorry` is the sorry server. A server with thresholds is ' +
    '`overloaded` from as many connections as UPPER until fewer than LOWER, or than three quarters of UPPER, are left. -o wide adds traffic and the ' +
    'templates of a persistent service: clients, or networks of them, that it remembers.',
  examples: [
    ['weir services', 'all of them'],
    ['weir services tcp/203.0.113.100:80', 'one; the protocol or the port may be left out'],
    ['weir services 203.0.113.100:8050', 'all that have this port, those of several ports or a prefix, too'],
    ['weir services -o json', 'exact numbers for a program'],
  ],
  async run(session, operand) {
    const all = await session.client.services();
    const wanted = operand === undefined ? all : findServices(all, operand);
    await output(session, wanted, () => servicesText(session, wanted));
    if (wanted.length === 0) await say(session, 'no services');
    return EXIT.done;
  },
};

export const servers: Verb = {
  name: 'servers',
  operands: '[service]',
  group: 'Looking:',
  summary: 'list real servers with their health, one to a line',
  description:
    'Lists the real servers of every service, or of the one named, one to a line: for grep and sort. WEIGHT is the one in effect. ' +
    'HEALTH is up or down by the checks of the configuration, with a question mark until they have been made, and - for a ' +
    'server without checks; WHY says what made it so, or makes its weight less. A server that is down is listed though it is out of its service. ' +
    '-o wide adds the configured weight, traffic and templates; -o json each check with its latest result. ' +
    '--history lists what became of them in place of what they are: the last 16 transitions of each since the daemon began, the oldest first; changes of a weight by feedback stand together, and take 4 of them at most.',
  examples: [
    ['weir servers', 'all of them'],
    ['weir servers 203.0.113.100:80', 'those of one service'],
    ['weir servers --no-headers | sort -k5 -n', 'the busiest last'],
    ['weir servers --history', 'when each went up or down, and why'],
    ['weir servers -o json', 'with each check’s latest result and the factors of each weight'],
  ],
  options(command) {
    command.option('--history', 'the last transitions of each, with their reasons');
  },
  async run(session, operand, own) {
    const wanted =
      operand === undefined
        ? undefined
        : new Set(findServices(await session.client.services(), operand).map(({ key }) => key));
    if (own['history'] === true) {
      const all = await session.client.history();
      const list = wanted === undefined ? all : all.filter(({ service }) => wanted.has(service));
      await output(session, list, () => historyText(session, list));
      if (list.length === 0) await say(session, 'nothing has become of them since the daemon began');
      return EXIT.done;
    }
    const all = await session.client.servers();
    const list = wanted === undefined ? all : all.filter(({ service }) => wanted.has(service));
    await output(session, list, () => serversText(session, list));
    if (list.length === 0) await say(session, 'no servers');
    return EXIT.done;
  },
};
