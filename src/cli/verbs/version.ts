/** `weir version`: this program, and the daemon if one answers. */
import { DaemonUnreachable } from '../../api/client.ts';
import type { Status } from '../../api/control.ts';
import { VERSION } from '../../api/version.ts';
import { EXIT } from '../exit.ts';
import { output, say } from '../session.ts';
import { clean } from '../text.ts';
import type { Verb } from '../verb.ts';
import { migrationText } from './migrate.ts';

const mebibytes = (bytes: number): string => Math.ceil(bytes / 2 ** 20).toLocaleString('en');

function daemonLines(status: Status): string[] {
  const { ok, at, message } = status.last_reload;
  return [
    `daemon  ${status.version}, pid ${status.pid}, since ${status.started_at}`,
    `config  ${status.config_file}, version ${status.config_version}`,
    `reload  ${ok ? 'done' : 'refused'} at ${at}: ${message}`,
    `plane   ${status.plane}`,
    `memory  ${mebibytes(status.memory.resident)} MiB of the daemon, ${mebibytes(status.memory.kernel)} MiB in the kernel`,
    ...checksLines(status),
    // A daemon of an earlier version says nothing of these.
    ...(status.dataplane_chosen
      ? [
          `chosen  ${status.dataplane_chosen.plane} over the configuration, since ${status.dataplane_chosen.since}`,
        ]
      : []),
    ...(status.migration ? [`moving  ${migrationText(status.migration)}`] : []),
    ...(status.retiring ?? []).map(
      ({ layout, connections, until }) =>
        `older   plane ${layout} finishes ${connections ?? 'its'} connections, until ${until} at most`,
    ),
  ];
}

/** How the health checks keep their times; a daemon of an earlier version, or without checks, says nothing. */
function checksLines({ checks }: Partial<Pick<Status, 'checks'>>): readonly string[] {
  if (checks === undefined || checks.checks === 0) return [];
  const { checks: count, late_p50_ms, late_p99_ms } = checks;
  return [
    `checks  ${count}, begun ${late_p50_ms} ms late by the median, ${late_p99_ms} ms by the 99th percentile`,
  ];
}

export const version: Verb = {
  name: 'version',
  group: 'Looking:',
  summary: 'show the versions of this program and of the daemon',
  description:
    'Shows this program’s version, and the daemon’s with its state if one answers. Exits 0 either way.',
  examples: [['weir version -o json', 'for a bug report']],
  async run(session) {
    let daemon: Status | null = null;
    let absence: string | undefined;
    try {
      daemon = await session.client.status();
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      absence = error.message;
    }
    await output(session, { version: VERSION, daemon }, () =>
      [`weir    ${VERSION}`, ...(daemon === null ? [] : daemonLines(daemon))]
        .map((l) => `${clean(l)}\n`)
        .join(''),
    );
    if (absence !== undefined) await say(session, `no daemon: ${absence}`);
    return EXIT.done;
  },
};
