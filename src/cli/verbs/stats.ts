/** `weir stats`: traffic since each service and server was first published. */
import { formatEndpoint } from '../../core/address/address.ts';
import type { ServiceCounters, Traffic, Verdicts } from '../../core/model/counters.ts';
import { EXIT } from '../exit.ts';
import { findServices } from '../find.ts';
import { output, type Session, table } from '../session.ts';
import type { Column, Row } from '../table.ts';
import { humanCount } from '../text.ts';
import type { Verb } from '../verb.ts';

const FIELDS = ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const;

const right = (title: string): Column => ({ title, align: 'right' });
const COLUMNS: readonly Column[] = [
  { title: 'SERVICE / SERVER', align: 'left' },
  ...FIELDS.map((field) => right(field.toUpperCase())),
];

function statsText(
  session: Session,
  services: readonly ServiceCounters[],
  verdicts: Verdicts | undefined,
): string {
  const number = session.options.output === 'wide' ? String : humanCount;
  const numbers = (traffic: Traffic) => FIELDS.map((field) => number(traffic[field]));
  const { cyan } = session.style;
  const rows: Row[] = services.flatMap((service) => [
    [{ text: service.key, paint: cyan }, ...numbers(service).map((text) => ({ text, paint: cyan }))],
    ...service.servers.map((server) => [`  ${formatEndpoint(server)}`, ...numbers(server)]),
  ]);
  const traffic = table(session, COLUMNS, rows);
  if (verdicts === undefined) return traffic;
  const counts = Object.entries(verdicts).map(([name, count]) => [name, number(count)]);
  return `${traffic}\n${table(session, [{ title: 'VERDICT', align: 'left' }, right('PACKETS')], counts)}`;
}

export const stats: Verb = {
  name: 'stats',
  operands: '[service]',
  group: 'Looking:',
  summary: 'show connections, packets and bytes',
  description:
    'Counts since each service and server was first published, in K, M, G (thousands); -o wide and -o json are exact. ' +
    'IN is from clients, OUT to clients; bytes count from the IP header on. Below stands what became of all packets, ' +
    'unless a service is named.',
  examples: [
    ['weir stats', 'all services, then all verdicts'],
    ['weir stats 203.0.113.100:80 -o wide', 'one service, exactly'],
  ],
  async run(session, operand) {
    const { client } = session;
    const all = await client.services();
    const services = operand === undefined ? all : findServices(all, operand);
    const verdicts = operand === undefined ? await client.verdicts() : undefined;
    await output(session, { services, verdicts }, () => statsText(session, services, verdicts));
    return EXIT.done;
  },
};
