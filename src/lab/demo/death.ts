/** A server's power fails in the middle of the traffic: what its clients lose, how it is taken out, and how it comes back. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerStatus } from '../../core/health/status.ts';
import type { Connection } from '../../core/model/connection.ts';
import type { RequestsResult } from '../client/wire.ts';
import type { Running } from '../client-api.ts';
import { startRealServer } from '../real-servers.ts';
import { type Cast, runVerb, vip } from './cast.ts';
import { drawChart, type Sample } from './chart.ts';
import type { LogLine } from './events.ts';
import type { BarLine } from './stage.ts';

/** What is added to the file: who is down is found within 0.2 s × 2 and 0.15 s. */
const added = `    checks:
      - {type: tcp, interval: 200ms, timeout: 150ms, fall: 2, rise: 2}
    on_down: reset
    slow_start: 4s
`;
const boundMs = 200 * 2 + 150;
/** Weights that can be divided. */
const factor = 20;
/** The one that dies is the second. */
const victim = 1;
/** An answer takes a fifth of a second, so that some are always under way. */
const url = `http://${vip}/slow/4000/20000`;
const perSecond = 60;
/** Milliseconds before the death, and after the removal. */
const alive = 1_000;
const after = 1_300;

/** A clock of the scene, and what has happened by it. */
interface Story {
  /** Milliseconds since the beginning. */
  now(): number;
  readonly weights: Sample[];
  /** The weight now. */
  weight: number;
}

/** Follows what the log says of the victim's weight. */
function follow({ daemon, lab }: Cast, weight: number): Story & { forget(): void } {
  const begin = Date.now();
  const endpoint = `${lab.servers[victim]!.ipv4}:80`;
  const story = { now: () => Date.now() - begin, weights: [{ at: 0, value: weight }], weight };
  const forget = daemon.onLine((line) => {
    if (!line.startsWith('{')) return;
    const { change = [], time } = JSON.parse(line) as LogLine;
    for (const text of change) {
      const value = weightIn(text, endpoint);
      if (value === undefined || time === undefined) continue;
      story.weight = value;
      story.weights.push({ at: (Date.parse(time) - begin) / 1000, value });
    }
  });
  return Object.assign(story, { forget });
}

/** The weight that a line of a plan gives the server; undefined if it gives it none. */
function weightIn(line: string, endpoint: string): number | undefined {
  if (!line.includes(` ${endpoint}  `)) return undefined;
  const changed = /weight of \S+ {2}\d+ → (\d+)/.exec(line)?.[1] ?? /^\+.* weight (\d+)/.exec(line)?.[1];
  if (changed !== undefined) return Number(changed);
  return /^-.* server /.test(line) ? 0 : undefined;
}

async function eventOf({ daemon, lab }: Cast, event: string): Promise<LogLine> {
  const mark = `"event":"${event}"`;
  const server = `"${lab.servers[victim]!.ipv4}:80"`;
  const line = await daemon.waitForLine((one) => one.includes(mark) && one.includes(server), 10_000);
  return JSON.parse(line) as LogLine;
}

const statuses = async ({ weir }: Cast): Promise<readonly ServerStatus[]> =>
  JSON.parse(await weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[];

/** Puts checks and the rest into the file, and waits until all servers have passed. Gives the weights. */
async function prepare(cast: Cast): Promise<readonly number[]> {
  const { stage, weir } = cast;
  const text = await readFile(weir.configFile, 'utf8');
  const checked = text
    .replaceAll(/weight: (\d+)/g, (_, weight: string) => `weight: ${factor * Number(weight)}`)
    .replace(/^ +scheduler: wrr\n/m, (line) => `${line}${added}`);
  stage.check(checked.includes(added), 'samples/demo.yaml has no scheduler to put checks below');
  await weir.writeConfig(checked);
  stage.say(
    'Servers die. So each of them is checked from now on, five times a second, by opening a TCP connection; two failures in a row take it out. This goes into the file:',
  );
  stage.gap();
  stage.show(stage.style.dim(added.replaceAll(/^ {4}/gm, '')));
  stage.gap();
  stage.say(
    `and the weights become ${factor} times what they were, so that there is something to divide. Then "weir reload".`,
  );
  await runVerb(cast, 'reload');
  for (let tries = 0; ; tries++) {
    const found = await statuses(cast);
    if (found.every(({ health }) => health?.checked && health.verdict === 'up'))
      return found.map(({ weight }) => weight);
    stage.check(tries < 50, `not all servers pass their checks: ${await weir.run(['servers'])}`);
    await wait(100);
  }
}

function barLines(
  { lab }: Cast,
  weights: readonly number[],
  story: Story,
  sent: Running<RequestsResult>,
): BarLine[] {
  const answers = sent.progress().byServer ?? {};
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return lab.servers.map(({ name }, i) => {
    const weight = i === victim ? story.weight : weights[i]!;
    return {
      label: name,
      share: weight / whole,
      text: `weight ${String(weight).padStart(2)}, answers ${answers[name] ?? 0}`,
    };
  });
}

/** What the victim's death and return have cost, as it was measured; milliseconds from the beginning of the scene. */
interface Account {
  readonly death: number;
  readonly removal: number;
  readonly power: number;
  readonly whole: number;
  /** Why the checks took it out. */
  readonly reason: string;
  /** Connections that it was answering when it died. */
  readonly underWay: number;
  readonly sent: RequestsResult;
}

/** Connections to the victim that were open when it died: those begun since have no handshake. */
async function underWayOn({ weir }: Cast, endpoint: string): Promise<number> {
  const words = ['connections', '--server', endpoint, '-o', 'json'];
  const all = JSON.parse(await weir.run(words)) as readonly Connection[];
  return all.filter(({ state }) => state === 'ESTABLISHED' || state === 'CLOSE').length;
}

/** Lets the victim die and come back under traffic, with bars that follow its weight. */
async function play(cast: Cast, story: Story, weights: readonly number[]): Promise<Account> {
  const { lab, stage, client1 } = cast;
  const server = lab.servers[victim]!;
  const sent = await client1.startRequests({ url, perSecond, concurrency: 60, timeout: 4_000 });
  const draw = (how: 'first' | 'redraw' | 'final') => stage.bars(barLines(cast, weights, story, sent), how);
  /** Draws until it has come true. */
  const meanwhile = async <T>(what: Promise<T>): Promise<T> => {
    let pending = true;
    const settled = what.finally(() => {
      pending = false;
    });
    settled.catch(() => {});
    while (pending) {
      await Promise.race([settled.catch(() => {}), wait(100)]);
      if (pending) draw('redraw');
    }
    return settled;
  };
  const reaches = async (weight: number): Promise<number> => {
    const begin = story.now();
    while (story.weight !== weight) {
      stage.check(story.now() - begin < 15_000, `the weight of ${server.name} does not become ${weight}`);
      await wait(50);
    }
    return story.weights.at(-1)!.at * 1000;
  };
  draw('first');
  await meanwhile(wait(alive));
  const down = eventOf(cast, 'server_down');
  await lab.run(server, ['ip', 'link', 'set', 'eth0', 'down']);
  cast.servers[victim]!.signal('SIGKILL');
  const death = story.now();
  const { reason = '' } = await meanwhile(down);
  const removal = await meanwhile(reaches(0));
  const underWay = await underWayOn(cast, `${server.ipv4}:80`);
  await meanwhile(wait(after));
  await lab.run(server, ['ip', 'link', 'set', 'eth0', 'up']);
  await lab.run(server, ['ip', 'route', 'replace', 'default', 'via', lab.director.interfaces[1]!.ipv4]);
  cast.servers[victim] = await startRealServer(lab, server);
  const power = story.now();
  await meanwhile(reaches(weights[victim]!));
  const whole = story.now();
  await meanwhile(wait(300));
  draw('final');
  return { death, removal, power, whole, reason, underWay, sent: await sent.stop() };
}

const inSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

/** The account in lines, and whether it is right. */
function tell({ stage, lab }: Cast, { death, removal, reason, underWay, sent }: Account): void {
  const { name } = lab.servers[victim]!;
  const { completed, failed, failures, slow, slowest } = sent;
  stage.check(
    failed <= underWay,
    `${failed} requests were lost, but ${name} was answering ${underWay} when it died: ${failures.join('; ')}`,
  );
  const due = `${inSeconds(boundMs)}: 2 × 0.2 s, and 0.15 s for an answer`;
  const lines = [
    [
      'time to removal',
      inSeconds(removal - death),
      removal - death <= boundMs ? `within ${due}` : `due within ${due}; this machine is busy`,
    ],
    ['found by', '', reason],
    ['requests', String(completed + failed), ''],
    ['lost', String(failed), `${name} was answering ${underWay} when it died`],
    ['late', String(slow), slow === 0 ? '' : `up to ${slowest.toFixed(1)} s; another server answered them`],
  ] as const;
  stage.show(
    lines
      .map(
        ([what, number, more]) =>
          `${what.padEnd(16)}${number.padStart(7)}  ${number === '' ? more : stage.style.dim(more)}`,
      )
      .join('\n'),
  );
}

/** Shows and checks the whole story. */
export async function showDeath(cast: Cast): Promise<void> {
  const { stage, lab, weir } = cast;
  const before = await readFile(weir.configFile, 'utf8');
  const weights = await prepare(cast);
  const { name } = lab.servers[victim]!;
  stage.gap();
  stage.say(
    `client1 sends ${perSecond} requests a second, each over a new connection. After a second the power of ${name} fails: it says nothing any more, not even goodbye. Two seconds later it is back.`,
  );
  stage.gap();
  const story = follow(cast, weights[victim]!);
  const account = await play(cast, story, weights).finally(() => story.forget());
  stage.gap();
  tell(cast, account);
  stage.gap();
  stage.say(
    `Lost is what ${name} was answering at that moment, and no more: those connections were reset as soon as it was out, so that nobody waits for a dead machine. Who came in the half second before got no first answer, tried again after a second, as TCP does, and was sent to another server. "on_down: reset" does both.`,
  );
  stage.gap();
  const seconds = Math.ceil(story.weights.at(-1)!.at + 1);
  stage.say(`The weight of ${name} in these ${seconds} seconds, as the log of weir run has it:`);
  stage.gap();
  const size = { seconds, most: weights[victim]!, width: 60, height: 4 };
  stage.show(drawChart(story.weights, size, 2).join('\n'));
  stage.gap();
  stage.say(
    `${name} came back slowly ("slow_start: 4s"): with cold caches it could not take its share at once. ${inSeconds(account.whole - account.power)} after its power it had all of it.`,
    'The checks go out of the file again.',
  );
  await weir.writeConfig(before);
  await runVerb(cast, 'reload');
}
