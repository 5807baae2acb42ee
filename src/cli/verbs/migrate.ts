/** `weir migrate`: from one data plane to the other, without losing a connection. */
import { setTimeout } from 'node:timers/promises';
import { Option } from 'commander';
import type { MigrationState } from '../../api/control.ts';
import { EXIT, UsageError } from '../exit.ts';
import { output, planText, type Session, say } from '../session.ts';
import { plural } from '../text.ts';
import type { Verb } from '../verb.ts';

/** Between two questions how far it is, in milliseconds. */
const ASK_AGAIN_MS = 1_000;

/** How a migration stands, in a line. */
export const migrationText = ({ from, to, connections, until }: MigrationState): string =>
  `${to} takes new connections; ${from} has ${connections === null ? 'connections' : plural(connections, 'connection')} left, until ${until} at most`;

/** Says how far it is whenever that changes; resolves when the old plane is gone. */
async function wait(session: Session): Promise<void> {
  let said = '';
  for (;;) {
    const { migration } = await session.client.status();
    if (migration === null) return;
    const text = migrationText(migration);
    if (text !== said) await say(session, text);
    said = text;
    await setTimeout(ASK_AGAIN_MS);
  }
}

export const migrate: Verb = {
  name: 'migrate',
  group: 'Configuration:',
  summary: 'change from one data plane to the other',
  description:
    'Has the eBPF plane (bpf) or the kernel’s own ip_vs (ipvs) take new connections, while the one that directed finishes ' +
    'those it has; then that one is removed. What was chosen so counts over the configuration, and outlives a restart. Shows ' +
    'how many connections are left until there are none; stopping that, or --no-wait, leaves the daemon to it. Migrating to ' +
    'the former plane meanwhile goes back. Without --to it shows how far a migration is. Exits 5 where the configuration asks for what ' +
    'that plane cannot do, 6 where it directs already, 1 when a step failed: then the old plane goes on.',
  examples: [
    ['weir migrate --to ipvs --dry-run', 'what would change, and who may notice'],
    ['weir migrate --to ipvs --deadline 30m', 'connections that are open then, end'],
    ['weir migrate -o json', 'how far it is'],
  ],
  options(command) {
    command
      .addOption(new Option('--to <plane>', 'which one is to direct').choices(['bpf', 'ipvs']))
      .option('--deadline <time>', 'how long the old plane may finish its connections, such as 30m')
      .option('--dry-run', 'say what would happen, and change nothing')
      .option('--no-wait', 'do not wait until the old plane is gone');
  },
  async run(session, _operand, own) {
    const { client } = session;
    const to = own['to'] as 'bpf' | 'ipvs' | undefined;
    const deadline = own['deadline'] as string | undefined;
    if (to === undefined) {
      if (deadline !== undefined || own['dryRun'] === true)
        throw new UsageError('migrate where? --to bpf or ipvs');
      const { dataplane, dataplane_chosen, migration } = await client.status();
      await output(
        session,
        { dataplane, dataplane_chosen, migration },
        () =>
          `${migration === null ? `no migration is under way; ${dataplane ?? 'no plane'} directs` : migrationText(migration)}\n`,
      );
      return EXIT.done;
    }
    const dry_run = own['dryRun'] === true;
    const result = await client.migrate(to, { dry_run, ...(deadline !== undefined && { deadline }) });
    if (!result.ok) {
      const { ok, problems } = result;
      await output(session, { ok, problems }, () => '');
      await say(
        session,
        [...problems, '', `${to} cannot do what is configured; nothing was changed`].join('\n'),
      );
      return EXIT.refused;
    }
    await output(session, result, () => planText(session, result.lines));
    if (dry_run) return EXIT.done;
    if (own['wait'] === false) {
      await say(session, `${to} takes new connections; weir migrate shows what ${result.from} has left`);
      return EXIT.done;
    }
    await wait(session);
    await say(session, `${result.from} is gone; ${to} directs alone`);
    return EXIT.done;
  },
};
