/** `weir connections`: the connection table, streamed. */
import { InvalidArgumentError } from 'commander';
import { type ConnectionQuery, parseConnectionQuery, type QueryTexts } from '../../api/filter.ts';
import { formatEndpoint } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import { EXIT, UsageError } from '../exit.ts';
import { findServices } from '../find.ts';
import { print, type Session, say, toJson, toYaml } from '../session.ts';
import {
  type Column,
  formatRow,
  type Layout,
  layOut,
  lengthOf,
  type Row,
  titleRow,
  totalWidth,
} from '../table.ts';
import { clean, formatExpire } from '../text.ts';
import type { Verb } from '../verb.ts';

const COLUMNS: readonly Column[] = [
  { title: 'PRO', align: 'left' },
  { title: 'EXPIRE', align: 'right' },
  { title: 'STATE', align: 'left' },
  { title: 'SOURCE', align: 'left' },
  { title: 'VIRTUAL', align: 'left' },
  { title: 'DESTINATION', align: 'left' },
];

/** One space between columns: then an IPv4 connection fits 80 characters. */
const GAP = 1;

const ends = ({ client, virtual, server }: Connection) => [client, virtual, server].map(formatEndpoint);

function rowOf(connection: Connection, wide: boolean): Row {
  const { protocol, expires_ms, state, client_port_at_server } = connection;
  const row = [protocol, formatExpire(expires_ms), state, ...ends(connection)];
  return wide ? [...row, String(client_port_at_server)] : row;
}

/** A connection whose line would not fit the terminal: its three ends below each other. */
function stacked(connection: Connection): string {
  const { protocol, expires_ms, state } = connection;
  const head = `${protocol} ${formatExpire(expires_ms).padStart(6)} ${state.padEnd(11)} `;
  const [source, ...onward] = ends(connection).map(clean);
  const indent = ' '.repeat(head.length - 2);
  return [`${head}${source}`, ...onward.map((end) => `${indent}→ ${end}`)].join('\n');
}

/** Renders chunk by chunk; the columns only ever grow, so that most of a long list stays in line. */
function tableWriter(session: Session): ChunkFormat['chunk'] {
  const wide = session.options.output === 'wide';
  const columns: readonly Column[] = wide ? [...COLUMNS, { title: 'SERVER SEES', align: 'right' }] : COLUMNS;
  const limit = (wide ? undefined : session.width) ?? Number.POSITIVE_INFINITY;
  const fits = (row: Row) => totalWidth(layOut(columns, [row], { gap: GAP })) <= limit;
  let layout: Layout | undefined;
  return (chunk, first) => {
    const rows = chunk.map((connection) => rowOf(connection, wide));
    const current = layOut(columns, rows.filter(fits), { gap: GAP, before: layout });
    layout = current;
    const lines = chunk.map((connection, at) => {
      const line = formatRow(current, rows[at] ?? []);
      return lengthOf(line) <= limit ? line : stacked(connection);
    });
    const titles = titleRow(columns, session.style.bold);
    if (first && session.options.headers) lines.unshift(formatRow(current, titles));
    return lines.map((line) => `${line}\n`).join('');
  };
}

/** How a format puts chunks together; `empty` stands for a list without any. */
interface ChunkFormat {
  readonly chunk: (items: readonly Connection[], first: boolean) => string;
  readonly end: string;
  readonly empty: string;
}

function formatOf(session: Session): ChunkFormat {
  const { output } = session.options;
  if (output === 'json') {
    const lines = (items: readonly Connection[]) => items.map((item) => `  ${toJson(item, 0)}`).join(',\n');
    return { chunk: (items, first) => (first ? '[\n' : ',\n') + lines(items), end: '\n]\n', empty: '[]\n' };
  }
  if (output === 'yaml') return { chunk: toYaml, end: '', empty: '[]\n' };
  const write = tableWriter(session);
  return { chunk: write, end: '', empty: write([], true) };
}

async function queryOf(
  { client }: Session,
  own: Readonly<Record<string, unknown>>,
): Promise<ConnectionQuery> {
  const texts: QueryTexts = { ...own };
  if (texts.service !== undefined) {
    const found = findServices(await client.services(), texts.service);
    const [only, ...others] = found;
    if (only === undefined || others.length > 0)
      throw new UsageError(
        `${texts.service} means ${found.map(({ key }) => key).join(' or ')}; name one of them`,
      );
    texts.service = only.key;
  }
  const query = parseConnectionQuery(texts);
  if ('mistake' in query) throw new UsageError(query.mistake);
  return query;
}

function parseLimit(text: string): string {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1.');
  return text;
}

export const connections: Verb = {
  name: 'connections',
  group: 'Looking:',
  summary: 'list tracked connections',
  description:
    'Lists live connections in the order of the table, as they are found: EXPIRE is the time left (minutes:seconds) if no ' +
    'packet comes. Filters go together. The list is never held in memory, however long it is. -o wide adds the source ' +
    'port that the server sees. A TEMPLATE is no connection: new ones of that client, or network, go to its server.',
  examples: [
    ['weir connections --limit 20', 'the first 20'],
    ['weir connections --client 203.0.113.10', 'those of one client'],
    [
      'weir connections --service tcp/203.0.113.100:80 --server 192.168.1.101',
      'one server’s within a service',
    ],
    ['weir connections | grep TEMPLATE', 'clients that persistent services remember'],
    ['weir connections -o json | jq -r .[].state | sort | uniq -c', 'how many in each state'],
  ],
  options(command) {
    command
      .option('--service <service>', 'to this service, such as tcp/203.0.113.100:80')
      .option('--client <address[:port]>', 'from this client')
      .option('--server <server>', 'on this real server')
      .option('--limit <n>', 'no more than N', parseLimit);
  },
  async run(session, _operand, own) {
    const query = await queryOf(session, own);
    const format = formatOf(session);
    let first = true;
    for await (const items of session.client.connections(query)) {
      if (items.length === 0) continue;
      await print(session, format.chunk(items, first));
      first = false;
    }
    await print(session, first ? format.empty : format.end);
    if (first) await say(session, 'no connections');
    return EXIT.done;
  },
};
