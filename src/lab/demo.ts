/**
 * `make demo`. Usage: demo [--keep | --down]
 *
 * Raises the classic LVS-NAT layout, runs weir in it and shows what happens; --keep leaves it up, --down removes what
 * was kept. Exit: 0 done, 1 something did not do what the demo says, 130 ended by Ctrl-C (129 HUP, 143 TERM), then clean too.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missingRequirements, thisMachine } from '../dataplane/bpf/requirements.ts';
import { demoPrefix } from './demo/cast.ts';
import { removeKept } from './demo/keep.ts';
import { Interrupted, openStage, type Stage } from './demo/stage.ts';
import { tour } from './demo/tour.ts';
import { createLab, type Lab } from './lab.ts';
import { removeLab } from './remove.ts';

/** Each with the exit code that says so: 128 and the signal's number. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** As a shell has it after SIGPIPE. */
const readerGone = 141;
/** Milliseconds that a part under way gets to notice that the lab has gone. */
const patience = 3_000;

/** Resolves at the first signal, with the exit code; further ones change nothing, since cleaning up is under way. */
function interruptionOf(stage: Stage): Promise<number> {
  return new Promise((resolve) => {
    const interrupt = (code: number): void => {
      stage.interrupt();
      resolve(code);
    };
    for (const [signal, code] of Object.entries(signals)) process.on(signal, () => interrupt(code));
    // Whoever read this has gone (make demo | head): then it may end, too.
    process.stdout.on('error', () => interrupt(readerGone));
  });
}

/** Runs the tour until its end or a signal, and removes the lab unless it is to be kept; gives the exit code. */
async function demonstrate(stage: Stage, keep: boolean): Promise<number> {
  const begin = performance.now();
  const interruption = interruptionOf(stage);
  const sample = fileURLToPath(new URL('../../samples/demo.yaml', import.meta.url));
  let lab: Lab | undefined;
  const whole = (async () => {
    lab = await createLab({ prefix: demoPrefix, clients: 2, servers: 3 });
    await tour(stage, lab, { sample, keep });
    return 0;
  })();
  let code: number | undefined;
  try {
    // The tour may notice first: then it is the signal that says how this ends.
    code = await Promise.race([interruption, whole]).catch((error) => {
      if (error instanceof Interrupted) return interruption;
      throw error;
    });
  } finally {
    if (!keep || code !== 0) await clear(whole, () => lab);
  }
  if (code !== 0) {
    process.stderr.write('\ndemo: interrupted; the network is gone again\n');
    return code;
  }
  if (keep) return code;
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  stage.gap();
  stage.say(
    `That was it, in ${seconds} s; the network is gone again. To keep it and try things: make demo KEEP=1`,
  );
  return code;
}

/** Removes the lab, whatever is under way in it; a lab that is just being raised is waited for. */
async function clear(whole: Promise<unknown>, lab: () => Lab | undefined): Promise<void> {
  const settled = whole.then(
    () => {},
    () => {},
  );
  const timeout = () => new Promise<void>((resolve) => setTimeout(resolve, patience).unref());
  while (lab() === undefined) {
    const raised = await Promise.race([
      settled.then(() => true),
      new Promise((r) => setTimeout(r, 20, false)),
    ]);
    if (raised) break;
  }
  const raised = lab();
  if (raised === undefined) return;
  await raised.close();
  // What was just being started when the signal came ends by itself or is ended here.
  await Promise.race([settled, timeout()]);
  removeLab(raised.name);
}

/** An error's message; the lines of weir's log are left out where weir has said the same in plain words. */
function messageOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  const plain = lines.some((line) => line.startsWith('weir: '));
  return lines.filter((line) => !plain || !line.startsWith('{"level"')).join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, down: { type: 'boolean' } } });
  if (values.down) {
    const names = removeKept();
    console.log(names.length === 0 ? 'No demo was kept.' : `Removed: ${names.join(', ')}`);
    return 0;
  }
  const missing = missingRequirements(thisMachine());
  if (missing.length > 0) {
    console.error(missing.join('\n'));
    return 1;
  }
  const stage = openStage();
  try {
    return await demonstrate(stage, values.keep ?? false);
  } catch (error) {
    process.stderr.write(`\ndemo: ${messageOf(error)}\n`);
    return 1;
  }
}

process.exit(await main());
