/** Does what a command asks for. */
import type { Address } from '../core/address/address.ts';
import type { IpvsChange } from '../dataplane/ipvs/changes.ts';
import type { Command, ListCommand } from './command.ts';
import { helpText, versionText } from './help.ts';
import type { Lookups } from './lookup.ts';
import { refusalText } from './messages.ts';
import { type Labels, NUMERIC } from './names.ts';
import { sortServers, sortServices } from './order.ts';
import { type ServiceWithServers, serviceRows, titles, versionLine } from './render-list.ts';
import {
  connectionRow,
  connectionTitles,
  daemonLine,
  type ListedConnection,
  timeoutsLine,
} from './render-rest.ts';
import { daemonRule, serverRule, serviceRule, timeoutsRule } from './render-save.ts';
import { type Table, TableRefusal } from './table.ts';

/** Exit codes; a refusal of the table is the real one's -1. */
export const EXIT = { done: 0, notListed: 1, usage: 2, refused: 255 } as const;

/** What they mean. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT.done, 'done'],
  [EXIT.notListed, 'could not be listed'],
  [EXIT.usage, 'wrong words on the command line, or there is no table to work on'],
  [EXIT.refused, 'refused: by the kernel, by the daemon, or for what a word says'],
];

/** What commands speak to. */
export interface Streams {
  out(text: string): void | Promise<void>;
  err(text: string): void | Promise<void>;
}

/** Where commands work. */
export interface Place extends Streams {
  readonly table: Table;
  readonly lookups: Lookups;
}

/** What is done at once; the rest takes its text from elsewhere. */
export type SimpleCommand = Exclude<Command, { readonly kind: 'restore' }>;

/** Does it; resolves to the exit code, and says on `err` what the table refuses. */
export async function execute(command: SimpleCommand, place: Place): Promise<number> {
  try {
    await perform(command, place);
    return EXIT.done;
  } catch (error) {
    await sayRefusal(error, command.kind, place);
    return command.kind === 'list' ? EXIT.notListed : EXIT.refused;
  }
}

/** As many changes at a time. */
const CHANGES_AT_ONCE = 1024;

const isChange = (command: SimpleCommand): command is IpvsChange =>
  /^(add|edit|delete)-(service|server)$/.test(command.kind);

/** Does many in order, saying of each what is refused; resolves to the codes of the last and of the worst. */
export async function executeAll(
  commands: Iterable<SimpleCommand> | AsyncIterable<SimpleCommand>,
  place: Place,
): Promise<{ readonly last: number; readonly worst: number }> {
  let [last, worst]: [number, number] = [EXIT.done, EXIT.done];
  const ended = (code: number) => {
    last = code;
    worst = Math.max(worst, code);
  };
  let changes: IpvsChange[] = [];
  const flush = async () => {
    if (changes.length === 0) return;
    const refused = await place.table.changeAll(changes);
    for (const [i, error] of refused) await sayRefusal(error, changes[i]!.kind, place);
    if (refused.size > 0) ended(EXIT.refused);
    last = refused.has(changes.length - 1) ? EXIT.refused : EXIT.done;
    changes = [];
  };
  for await (const command of commands) {
    if (isChange(command)) {
      if (changes.push(command) >= (place.table.changesAtOnce ?? CHANGES_AT_ONCE)) await flush();
      continue;
    }
    await flush();
    ended(await execute(command, place));
    if (command.kind === 'help' || command.kind === 'version') return { last, worst };
  }
  await flush();
  return { last, worst };
}

/** Says what the table has refused. Throws what is no refusal. */
export async function sayRefusal(
  error: unknown,
  kind: Command['kind'],
  place: Pick<Place, 'err'>,
): Promise<void> {
  const text = refusalText(error, kind);
  if (text === undefined) throw error;
  await place.err(`${text}\n`);
}

async function perform(command: SimpleCommand, place: Place): Promise<void> {
  const { table } = place;
  switch (command.kind) {
    case 'help':
      return place.out(`${helpText}\n`);
    case 'version':
      return place.out(`${versionText}\n`);
    case 'add-service':
      return table.addService(command.service);
    case 'edit-service':
      return table.setService(command.service);
    case 'delete-service':
      return table.delService(command.id);
    case 'add-server':
      return table.addServer(command.id, command.server);
    case 'edit-server':
      return table.setServer(command.id, command.server);
    case 'delete-server':
      return table.delServer(command.id, command.server);
    case 'flush':
      return table.flush();
    case 'zero':
      return table.zero(command.id);
    case 'set':
      return table.setTimeouts(command.timeouts);
    case 'start-daemon':
      return table.startDaemon(command.daemon);
    case 'stop-daemon':
      return table.stopDaemon(command.state);
    case 'save':
      return save(command, place);
    case 'list':
      return list(command, place);
  }
}

async function list(command: ListCommand, place: Place): Promise<void> {
  const { table, out } = place;
  switch (command.what) {
    case 'timeouts':
      return out(`${timeoutsLine(await table.getTimeouts())}\n`);
    case 'daemons': {
      const daemons = await table.listDaemons();
      return out(daemons.map((one) => `${daemonLine(one)}\n`).join(''));
    }
    case 'connections':
      return listConnections(command, place);
    case 'services': {
      const { id, view, exact, sorted, numeric } = command;
      if (view === 'rate') await table.measureRates?.();
      const services = id === undefined ? await table.listServices() : [await table.getService(id)];
      const head = id === undefined ? `${versionLine(await table.info())}\n` : '';
      await out(head + text(titles(view)));
      return eachService(services, sorted, numeric, place, (one, labels) =>
        serviceRows(one, { view, exact, labels }),
      );
    }
  }
}

const text = (lines: Iterable<string>): string => Array.from(lines, (line) => `${line}\n`).join('');

/** Prints some characters at a time: a hundred thousand servers have no room in memory together. */
const OUT_AT_ONCE = 65_536;

/** Prints what `render` makes of each service with its servers. */
async function eachService(
  services: readonly ServiceWithServers['service'][],
  sorted: boolean,
  numeric: boolean,
  { table, lookups, out }: Place,
  render: (one: ServiceWithServers, labels: Labels) => Iterable<string>,
): Promise<void> {
  let ready = '';
  for (const service of sorted ? sortServices(services) : services) {
    const unsorted = await table.listServers(service.id);
    const servers = sorted ? sortServers(unsorted) : unsorted;
    if (!numeric) {
      const { id } = service;
      await lookups.learn([...('fwmark' in id ? [] : [id]), ...servers].map(addressOf));
    }
    ready += text(render({ service, servers }, numeric ? NUMERIC : lookups.labels));
    if (ready.length < OUT_AT_ONCE) continue;
    await out(ready);
    ready = '';
  }
  await out(ready);
}

/** As many connections are named and printed at a time. */
const BATCH = 4096;

async function listConnections({ numeric, engines }: ListCommand, place: Place): Promise<void> {
  const { table, lookups, out } = place;
  await out(`${connectionTitles(engines)}\n`);
  let batch: ListedConnection[] = [];
  const flush = async () => {
    if (!numeric)
      await lookups.learn(
        batch.flatMap(({ client, virtual, server }) => [client, virtual, server].map(addressOf)),
      );
    const labels = numeric ? NUMERIC : lookups.labels;
    await out(text(batch.map((one) => connectionRow(one, engines, labels))));
    batch = [];
  };
  for await (const one of table.connections()) if (batch.push(one) >= BATCH) await flush();
  await flush();
}

const addressOf = ({ address }: { readonly address: Address }): Address => address;

async function save({ numeric, all }: Command & { readonly kind: 'save' }, place: Place): Promise<void> {
  const { table, out } = place;
  await eachService(await table.listServices(), true, numeric, place, ({ service, servers }, labels) => [
    serviceRule(service, labels),
    ...servers.map((server) => serverRule(service.id, server, labels, all)),
  ]);
  if (all) await out(text([...(await timeoutRules(place)), ...(await table.listDaemons()).map(daemonRule)]));
}

/** None where each service has time-outs of its own: `ipvsadm --set` cannot say those. */
async function timeoutRules({ table, err }: Place): Promise<readonly string[]> {
  try {
    return [timeoutsRule(await table.getTimeouts())];
  } catch (error) {
    if (!(error instanceof TableRefusal)) throw error;
    await err(`time-outs are left out: ${error.message}\n`);
    return [];
  }
}
