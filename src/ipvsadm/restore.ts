/** Reads rules and does what they say: one by one on top of what there is, or as a whole in its place. */
import { formatEndpoint } from '../core/address/address.ts';
import { ipvsServiceText } from '../dataplane/ipvs/codec/values.ts';
import type { Parsed } from './command.ts';
import { EXIT, execute, executeAll, type Place, type SimpleCommand, sayRefusal } from './execute.ts';
import type { Lookups } from './lookup.ts';
import { HostNotLookedUp } from './names.ts';
import { parseCommand } from './parse.ts';
import { type Present, type RestoreStep, type Ruleset, restorePlan, rulesetOf } from './replace.ts';
import { piecesOf, type Rule, readRules } from './rules.ts';
import type { Table } from './table.ts';

/** Parses a command line, looking up the hosts that it names. */
export function parseWithLookups(argv: readonly string[], lookups: Lookups): Parsed | Promise<Parsed> {
  try {
    return parseCommand(argv, lookups.names);
  } catch (error) {
    if (!(error instanceof HostNotLookedUp)) throw error;
    return lookups.resolve(error.host).then(() => parseWithLookups(argv, lookups));
  }
}

const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8').decode(bytes);

/** `ipvsadm -R`: adds. Resolves to the exit code, which is that of the last rule. */
export async function addRules(bytes: Uint8Array, place: Place): Promise<number> {
  const parse = (argv: readonly string[]) => parseWithLookups(argv, place.lookups);
  const read = await readRules(decode(bytes), { comments: false, parse });
  if ('mistake' in read) {
    await place.err(`${read.mistake.text}\n`);
    return read.mistake.code;
  }
  const { last } = await executeAll(simpleCommands(read.rules), place);
  return last;
}

/** Reading has refused those that are none. */
function* simpleCommands(rules: readonly Rule[]): Generator<SimpleCommand> {
  for (const { command } of rules) if (command.kind !== 'restore') yield command;
}

/** `ipvsadm -R --strict-compat`: each line is done before the next is read, and some mistakes end it, as in the real one. */
export async function addRulesStrictly(bytes: Uint8Array, place: Place): Promise<number> {
  let code: number = EXIT.done;
  for (const line of new TextDecoder('latin1').decode(bytes).split('\n')) {
    // To C a text ends at the first zero.
    const pieces = piecesOf(line).map(({ text }) => text.replace(/\0.*/s, ''));
    if (pieces.length === 0) continue;
    const parsed = await parseWithLookups(pieces, place.lookups);
    if (!parsed.ok) {
      await place.err(`${parsed.refusal.text}\n`);
      code = parsed.refusal.code;
      if (parsed.refusal.ends) return code;
      continue;
    }
    const { command } = parsed;
    if (command.kind === 'restore') {
      await place.err("Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n");
      return EXIT.refused;
    }
    code = await execute(command, place);
    if (command.kind === 'help' || command.kind === 'version') return code;
  }
  return code;
}

/** What the rules make of nothing. The text and the lines are not kept: of a hundred thousand they take much room. */
async function readRuleset(bytes: Uint8Array, place: Place) {
  const parse = (argv: readonly string[]) => parseWithLookups(argv, place.lookups);
  const read = await readRules(decode(bytes), { comments: true, parse });
  return 'mistake' in read ? read : rulesetOf(read.rules);
}

/** `ipvsadm-restore`: replaces. Resolves to 0 only if every rule was done. */
export async function replaceByRules(bytes: Uint8Array, place: Place): Promise<number> {
  const read = await readRuleset(bytes, place);
  if ('mistake' in read) {
    await place.err(`${read.mistake.text}\n`);
    return EXIT.usage;
  }
  const { ruleset, refusals } = read;
  for (const { text } of refusals) await place.err(`${text}\n`);
  const steps = await stepsLeft(ruleset, place);
  if (steps === undefined) return EXIT.refused;
  const { worst } = await executeAll(steps, place);
  return refusals.length === 0 ? worst : EXIT.refused;
}

/** What a table that replaces all services at once has not done by that; undefined where it was refused, which is said. */
async function stepsLeft(
  ruleset: Ruleset,
  { table, err }: Place,
): Promise<AsyncGenerator<RestoreStep> | undefined> {
  if (table.replace === undefined) return restorePlan(ruleset, await presentOf(table));
  const refused = await table.replace(ruleset.services);
  for (const { kind, error } of refused) await sayRefusal(error, kind, { err });
  if (refused.length > 0) return undefined;
  const nothing = { services: new Map(), serversOf: async () => new Map() };
  return restorePlan({ ...ruleset, services: new Map() }, { ...nothing, daemons: await table.listDaemons() });
}

/** `ipvsadm-restore --strict-compat`: clears and adds line by line, as the real one. */
export async function replaceStrictly(bytes: Uint8Array, place: Place): Promise<number> {
  const lines = new TextDecoder('latin1').decode(bytes).split('\n');
  await execute({ kind: 'flush' }, place);
  const rest = lines.filter((line) => !line.startsWith('#')).join('\n');
  return addRulesStrictly(Buffer.from(rest, 'latin1'), place);
}

/** What of the table a restore replaces. */
export async function presentOf(table: Table): Promise<Present> {
  const services = await table.listServices();
  return {
    services: new Map(services.map((service) => [ipvsServiceText(service.id), service])),
    async serversOf(id) {
      const servers = await table.listServers(id);
      return new Map(servers.map((server) => [formatEndpoint(server), server]));
    },
    daemons: await table.listDaemons(),
  };
}
