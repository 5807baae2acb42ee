/** Does what a command asks for. */
import type { Address } from '../core/address/address.ts';
import type { Command, ListCommand } from './command.ts';
import { helpText, versionText } from './help.ts';
import type { Lookups } from './lookup.ts';
import { refusalText } from './messages.ts';
import { type Labels, NUMERIC } from './names.ts';
import { sortServers, sortServices } from './order.ts';
import { renderListing, type ServiceWithServers, versionLine } from './render-list.ts';
import {
  connectionRow,
  connectionTitles,
  daemonLine,
  type ListedConnection,
  timeoutsLine,
} from './render-rest.ts';
import { daemonRule, serverRule, serviceRule, timeoutsRule } from './render-save.ts';
import type { Table } from './table.ts';

/** Exit codes; a refusal of the table is the real one's -1. */
export const EXIT = { done: 0, notListed: 1, usage: 2, refused: 255 } as const;

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
    const text = refusalText(error, command.kind);
    if (text === undefined) throw error;
    await place.err(`${text}\n`);
    return command.kind === 'list' ? EXIT.notListed : EXIT.refused;
  }
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
      const services = id === undefined ? await table.listServices() : [await table.getService(id)];
      const head = id === undefined ? `${versionLine(await table.info())}\n` : '';
      const all = await withServers(services, sorted, table);
      const labels = await labelsFor(all, numeric, place);
      return out(head + text(renderListing(all, { view, exact, labels })));
    }
  }
}

const text = (lines: Iterable<string>): string => Array.from(lines, (line) => `${line}\n`).join('');

async function withServers(
  services: readonly ServiceWithServers['service'][],
  sorted: boolean,
  table: Table,
): Promise<readonly ServiceWithServers[]> {
  const all: ServiceWithServers[] = [];
  for (const service of sorted ? sortServices(services) : services) {
    const servers = await table.listServers(service.id);
    all.push({ service, servers: sorted ? sortServers(servers) : servers });
  }
  return all;
}

async function labelsFor(
  all: readonly ServiceWithServers[],
  numeric: boolean,
  { lookups }: Place,
): Promise<Labels> {
  if (numeric) return NUMERIC;
  const addresses = all.flatMap(({ service: { id }, servers }) => [
    ...('fwmark' in id ? [] : [id.address]),
    ...servers.map(({ address }) => address),
  ]);
  await lookups.learn(addresses);
  return lookups.labels;
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
  const services = await withServers(await table.listServices(), true, place.table);
  const labels = await labelsFor(services, numeric, place);
  const rules = services.flatMap(({ service, servers }) => [
    serviceRule(service, labels),
    ...servers.map((server) => serverRule(service.id, server, labels, all)),
  ]);
  const forgotten = all
    ? [timeoutsRule(await table.getTimeouts()), ...(await table.listDaemons()).map(daemonRule)]
    : [];
  await out(text([...rules, ...forgotten]));
}
