/** `weir overrides`: what operators have said and changed over what is configured; forgetting it, and writing it down. */
import type { AnyOverride } from '../../api/control.ts';
import { formatEndpoint, parseEndpoint } from '../../core/address/address.ts';
import type { ServerStatus } from '../../core/health/status.ts';
import { overrideText } from '../../core/model/override.ts';
import { ruleLine } from '../../core/model/rule-override.ts';
import { formatTarget, parseServiceKey, serviceKey } from '../../core/model/service.ts';
import { EXIT, NoSuchObject, UsageError } from '../exit.ts';
import { output, planText, type Session, say, table } from '../session.ts';
import { plural } from '../text.ts';
import type { Verb } from '../verb.ts';
import { sayRefused } from './change.ts';

export const overrides: Verb = {
  name: 'overrides',
  operands: '[action] [name...]',
  choices: { action: ['drop', 'write'] },
  group: 'Looking:',
  summary: 'list, drop or write down what operators have changed',
  description:
    'Lists what operators have said by weir drain and weir disable, with what is left on each server, and what they have changed by ' +
    'ipvsadm: services and servers that are added, edited or removed over what is configured. All of it outlives reloads and ' +
    'restarts. `drop` forgets overrides, by a server’s or a service’s name, or --all: what they were about is again as ' +
    'configured. `write` puts what ipvsadm has changed, and the data plane that weir migrate has chosen, into the daemon’s configuration file, whose comments and order ' +
    'stay, and after which it is an override no longer; --dry-run shows the lines that would change. An override that the file ' +
    'has come to agree with goes by itself, and so does one whose service or server has left the file.',
  examples: [
    ['weir overrides -o json', 'for a program'],
    ['weir overrides drop 192.168.1.103:80', 'what is said of one server, in all services'],
    ['weir overrides drop tcp/203.0.113.100:80', 'of one service and its servers'],
    ['weir overrides write --dry-run', 'look first; then the same without it'],
  ],
  options(command) {
    command
      .option('--all', 'with drop: all of them')
      .option('--service <service>', 'with drop: only what is said in this service')
      .option('--dry-run', 'with write: change nothing');
  },
  run(session, action, own, [, ...of]) {
    if (action === undefined) return list(session);
    if (action === 'drop') return drop(session, of, own);
    if (action === 'write' && of.length === 0) return writeDown(session, own['dryRun'] === true);
    throw new UsageError(`"${action}" is neither drop nor write`);
  },
};

async function list(session: Session): Promise<number> {
  const all = await session.client.overrides();
  const isState = all.some(({ kind }) => kind === 'state');
  const servers = isState ? await session.client.servers() : [];
  await output(session, all, () => overridesText(session, all, servers));
  const { dataplane_chosen: chosen } = await session.client.status();
  if (chosen)
    await say(
      session,
      `dataplane is ${chosen.plane} since ${chosen.since.slice(0, 19)}Z, by weir migrate; weir overrides write puts it into the file`,
    );
  else if (all.length === 0) await say(session, 'no overrides');
  return EXIT.done;
}

function overridesText(
  session: Session,
  all: readonly AnyOverride[],
  servers: readonly ServerStatus[],
): string {
  const columns = [
    { title: 'SERVER', align: 'left' },
    { title: 'SERVICE', align: 'left' },
    { title: 'LEFT', align: 'right' },
    { title: 'WHAT', align: 'left' },
  ] as const;
  const rows = all.map((one) => {
    if (one.kind === 'service') return ['-', one.service, '-', ruleLine(one)];
    if (one.kind === 'server') return [one.server, one.service, '-', ruleLine(one)];
    const found = servers.find(
      (server) => server.service === one.service && formatEndpoint(server) === one.server,
    );
    const left = found === undefined ? '-' : String(found.active + found.inactive);
    return [one.server, one.service, left, overrideText(one)];
  });
  return table(session, columns, rows);
}

async function drop(
  session: Session,
  names: readonly string[],
  own: Readonly<Record<string, unknown>>,
): Promise<number> {
  const service = own['service'] as string | undefined;
  const isAll = own['all'] === true;
  if (isAll === (names.length > 0 || service !== undefined))
    throw new UsageError('drop what? A server, a service, or --all');
  const all = isAll ? [] : await session.client.overrides();
  const isMeant = (one: AnyOverride): boolean =>
    (names.length === 0 || names.some((name) => isNamed(one, name))) &&
    (service === undefined || isOfService(one, service));
  const meant = all.filter(isMeant);
  if (!isAll && meant.length === 0)
    throw new NoSuchObject(`there is no override of ${[...names, service ?? []].flat().join(' ')}`);
  const done = await session.client.dropOverrides(
    isAll
      ? 'all'
      : meant.map((one) => ({
          kind: one.kind,
          service: one.service,
          ...(one.kind !== 'service' && { server: one.server }),
        })),
  );
  await output(session, done, () => planText(session, done.lines));
  const { dataplane_chosen: chosen } = await session.client.status();
  if (isAll && chosen)
    await say(session, `dataplane stays ${chosen.plane}: weir migrate --to the other one goes back`);
  return EXIT.done;
}

function isNamed(one: AnyOverride, name: string): boolean {
  if (isOfService(one, name)) return true;
  return one.kind !== 'service' && (one.server === name || parseEndpoint(one.server)?.address === name);
}

function isOfService({ service }: AnyOverride, name: string): boolean {
  const [own, asked] = [parseServiceKey(service), parseServiceKey(name)];
  if (own === undefined) return false;
  return asked === undefined ? formatTarget(own) === name : serviceKey(asked) === service;
}

async function writeDown(session: Session, dry: boolean): Promise<number> {
  const result = await session.client.writeOverrides({ dry_run: dry });
  if (!result.ok) return sayRefused(session, result);
  const { written, lines, left } = result;
  await output(session, result, () => planText(session, lines));
  for (const one of left) await say(session, one);
  const many = plural(written, 'override');
  await say(session, written === 0 ? 'nothing to write' : dry ? `${many} to be written` : `${many} written`);
  return EXIT.done;
}
