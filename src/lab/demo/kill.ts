/** The daemon is killed in the middle of a download, and nobody but the operator notices. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ServiceCounters } from '../../core/model/counters.ts';
import { sha256OfPattern } from '../bytes.ts';
import type { DownloadResult } from '../client/wire.ts';
import type { Running } from '../client-api.ts';
import { type Cast, vip } from './cast.ts';
import { logOf, planeOf } from './events.ts';
import type { BarLine } from './stage.ts';

/** 8 MB at 2 MB a second: long enough to kill, to look and to start again. */
const size = 8_000_000;
const rate = 2_000_000;
/** New connections while there is no daemon. */
const meanwhile = 6;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function connectionsSoFar({ weir }: Cast): Promise<number> {
  const services = JSON.parse(await weir.run(['services', '-o', 'json'])) as ServiceCounters[];
  return services.reduce((sum, service) => sum + service.conns, 0);
}

const progressLine = (bytes: number): BarLine[] => [
  { label: 'download', share: bytes / size, text: `${megabytes(bytes)} of ${megabytes(size)}` },
];

/** Draws the progress until the download ends. */
async function watch({ stage }: Cast, download: Running<DownloadResult>): Promise<DownloadResult> {
  let ended = false;
  const result = download.result.finally(() => {
    ended = true;
  });
  result.catch(() => {});
  stage.bars(progressLine(download.progress().count), 'first');
  while (!ended) {
    await Promise.race([result, wait(100)]);
    if (!ended) stage.bars(progressLine(download.progress().count), 'redraw');
  }
  stage.bars(progressLine((await result).bytes), 'final');
  return result;
}

/** Kills the daemon; checks that it is dead, that its verbs say so, and that new connections are balanced on. */
async function killDaemon({ stage, weir, client1, daemon }: Cast): Promise<void> {
  daemon.signal('SIGKILL');
  const end = await daemon.ended;
  stage.check(end.signal === 'SIGKILL', `weir run ended by itself: ${daemon.output()}`);
  stage.gap();
  stage.say(`kill -9 ${daemon.pid}: weir run is dead. It cannot even be asked:`);
  const dead = await weir.exec(['services']);
  stage.check(dead.code === 4, `weir services should have found no daemon, but ended with ${dead.code}`);
  stage.command('weir services', `${dead.stdout}${dead.stderr}`);
  stage.gap();

  const { completed, byServer } = await client1.requests({ url: `http://${vip}/`, count: meanwhile });
  stage.check(completed === meanwhile, `only ${completed} of ${meanwhile} new requests were answered`);
  const answers = Object.entries(byServer)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([server, count]) => `${server} ${count}`);
  stage.say(
    `Still, ${meanwhile} new requests are answered (${answers.join(', ')}), and the download goes on: the kernel does the work, with or without weir run.`,
  );
}

/** Starts the daemon again; checks that it found nothing to change. */
async function startAgain(cast: Cast): Promise<void> {
  const { stage, weir } = cast;
  cast.daemon = await weir.start();
  const steps = logOf(cast.daemon).find(({ event }) => event === 'ready')?.steps;
  stage.check(steps === 0, `the new weir run changed something: ${cast.daemon.output()}`);
  stage.gap();
  stage.say(`weir run is started again, and finds all as it should be. It says: "${planeOf(cast.daemon)}".`);
}

/** Shows and checks the whole story. */
export async function showKill(cast: Cast): Promise<void> {
  const { stage, client1 } = cast;
  const download = await client1.startDownload({ url: `http://${vip}/slow/${size}/${rate}` });
  await download.reached(size / 8);
  const before = await connectionsSoFar(cast);
  const progress = (): number => download.progress().count;
  stage.bars(progressLine(progress()), 'final');
  stage.check(progress() < size, 'the download was over before the daemon could be killed');
  await killDaemon(cast);
  stage.gap();
  stage.bars(progressLine(progress()), 'final');
  await startAgain(cast);
  stage.gap();
  const result = await watch(cast, download);
  stage.check(
    result.failure === undefined && result.bytes === size && result.sha256 === sha256OfPattern(size),
    `the download is damaged: ${result.bytes} bytes, ${result.failure ?? `SHA-256 ${result.sha256}`}`,
  );
  stage.gap();
  stage.say(
    `The download is whole: ${result.server} took ${result.seconds.toFixed(1)} s for it, and the SHA-256 of what arrived is that of what was sent:`,
  );
  stage.show(result.sha256);
  const after = await connectionsSoFar(cast);
  stage.check(
    after === before + meanwhile,
    `the counter of connections went from ${before} to ${after}, but ${meanwhile} were opened`,
  );
  stage.gap();
  stage.say(
    `Nothing was forgotten: weir had counted ${before} connections before the kill, and counts ${after} now, the ${meanwhile} made without it included.`,
  );
}
