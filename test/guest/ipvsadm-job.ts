/**
 * Runs in the guest: gives command lines to the real ipvsadm and to ours, each in a network namespace of its own, and
 * says what either printed and what became of ip_vs. Standard input: IpvsadmQuestion; standard output: IpvsadmAnswer.
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import koffi from 'koffi';
import { openKernelTable } from '../../src/ipvsadm/kernel-table.ts';
import { openLookups } from '../../src/ipvsadm/lookup.ts';
import { run } from '../../src/ipvsadm/main.ts';

/** A command line; words without blanks may be given as one text. */
export interface Line {
  readonly argv: readonly string[];
  readonly input?: string;
  /** What ours is given, where that is another line. */
  readonly ours?: readonly string[];
  /** What the real one does instead, for the shell. */
  readonly real?: string;
  /** Which of our programs, where it is a process of its own; default ipvsadm. */
  readonly program?: 'ipvsadm-save' | 'ipvsadm-restore';
}

/** Lines that are given one after the other, beginning with nothing in ip_vs. */
export interface Scenario {
  readonly name: string;
  readonly lines: readonly Line[];
  /** Both read and change the same namespace one after the other: for lines that change nothing. */
  readonly shared?: true;
  /** Done by the real one before a shared scenario. */
  readonly rules?: string;
  /** Addresses that the namespace has, and datagrams that are sent in it before the lines: `host port text`. */
  readonly addresses?: readonly string[];
  readonly datagrams?: readonly (readonly [host: string, port: number, text: string])[];
}

export interface IpvsadmQuestion {
  /** Lines for /etc/hosts. */
  readonly hosts: readonly string[];
  readonly scenarios: readonly Scenario[];
  /** Where our programs lie, for those lines that go by a process of their own. */
  readonly programs: string;
  readonly processes: readonly Line[];
  /** A text of so many rules that is restored, with the milliseconds that took. */
  readonly rules?: number;
}

/** What a program said. */
export interface Said {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** A line's two outcomes; `state`: what is in ip_vs afterwards, where the line changes something. */
export interface Outcome {
  readonly line: Line;
  readonly real: Said;
  readonly ours: Said;
  readonly state?: { readonly real: string; readonly ours: string };
}

export interface IpvsadmAnswer {
  readonly outcomes: readonly Outcome[];
  readonly processes: readonly Outcome[];
  /** Milliseconds of a process of ours, from its start to its end. */
  readonly processMs: number;
}

const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load('libc.so.6').func('int setns(int fd, int kind)');

/** Makes the calling thread, and what it starts, work in a namespace. */
function enter(name: string): void {
  const fd = openSync(`/run/netns/${name}`, 'r');
  if ((setns(fd, CLONE_NEWNET) as number) !== 0) throw new Error(`cannot enter ${name}`);
  closeSync(fd);
}

/** A shell in one namespace: starting programs from it is ten times as fast as from here, where memory is large. */
interface Shell {
  /** Runs a command with this input. */
  run(command: string, input?: string): Promise<Said>;
  end(): void;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Its programs' outputs lie in files of this name. */
function openShell(name: string): Shell {
  enter(name);
  const shell = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const file = (kind: string) => `/tmp/${name}-${kind}`;
  return {
    async run(command, input = '') {
      writeFileSync(file('in'), input);
      shell.stdin.write(`{ ${command}\n} <${file('in')} >${file('out')} 2>${file('err')}; echo $?\n`);
      const { value } = await answers.next();
      return {
        out: readFileSync(file('out'), 'utf8'),
        err: readFileSync(file('err'), 'utf8'),
        code: Number(value),
      };
    },
    end: () => void shell.stdin.end(),
  };
}

/** The two namespaces. */
interface Places {
  readonly real: Shell;
  readonly ours: Shell;
}

const real = ({ argv, input, real: instead }: Line, shell: Shell): Promise<Said> =>
  shell.run(instead ?? ['ipvsadm', ...argv].map(quoted).join(' '), input);

const lookups = openLookups();

async function ours({ argv, ours: own, input = '' }: Line): Promise<Said> {
  let [out, err] = ['', ''];
  const code = await run('ipvsadm', own ?? argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    input: () => Buffer.from(input),
    open: openKernelTable,
    lookups,
  });
  return { out, err, code };
}

/** All that is in ip_vs, by one process: starting one is what takes time. */
const STATE = '-S -n\n-L -n --thresholds\n-L --daemon\n-L --timeout\n';
const state = async (shell: Shell): Promise<string> => (await shell.run('ipvsadm -R', STATE)).out;

const CLEAR =
  'ipvsadm -C; ipvsadm --set 900 120 300; ipvsadm --stop-daemon master; ipvsadm --stop-daemon backup';

/** Whether a line changes nothing, however it ends. */
const isLook = ({ argv: [first = '-L'] }: Line): boolean =>
  /^-[LlShv]/.test(first) || ['--list', '--save', '--help', '--version'].includes(first);

const alike = (a: Said, b: Said): boolean => a.out === b.out && a.err === b.err && a.code === b.code;
/** Seconds that go by between the two show in listings of connections. */
const ATTEMPTS = 5;

const said = (out: string): Said => ({ out, err: '', code: 0 });

async function look(line: Line, { ours: shell }: Places): Promise<Outcome> {
  let outcome: Outcome;
  let attempt = 0;
  do outcome = { line, real: await real(line, shell), ours: await ours(line) };
  while (!alike(outcome.real, outcome.ours) && ++attempt < ATTEMPTS);
  return outcome;
}

async function change(line: Line, places: Places): Promise<Outcome> {
  const [theirs, own] = [await real(line, places.real), await ours(line)];
  // What both refuse is seen with the next that is done.
  if (theirs.code !== 0 && own.code !== 0 && line.input === undefined)
    return { line, real: theirs, ours: own };
  const left = { real: await state(places.real), ours: await state(places.ours) };
  return { line, real: theirs, ours: own, state: left };
}

const SEND = `const [host, port, text] = process.argv.slice(1);
const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
socket.send(text, Number(port), host, () => socket.close());`;

async function play(scenario: Scenario, places: Places): Promise<readonly Outcome[]> {
  for (const shell of [places.real, places.ours]) await shell.run(CLEAR);
  if (scenario.shared) {
    const { ours: shell } = places;
    for (const address of scenario.addresses ?? [])
      await shell.run(`ip addr add ${address}/${address.includes(':') ? 128 : 32} dev lo`);
    await shell.run('ipvsadm -R', scenario.rules);
    for (const [host, port, text] of scenario.datagrams ?? [])
      await shell.run(['node', '-e', SEND, host, String(port), text].map(quoted).join(' '));
  }
  const outcomes: Outcome[] = [];
  for (const line of scenario.lines) {
    outcomes.push(await (scenario.shared || isLook(line) ? look(line, places) : change(line, places)));
  }
  const end = { argv: ['-S'] };
  if (!scenario.shared)
    outcomes.push({ line: end, real: said(await state(places.real)), ours: said(await state(places.ours)) });
  return outcomes;
}

async function main(): Promise<void> {
  const question = JSON.parse(readFileSync(0, 'utf8')) as IpvsadmQuestion;
  appendFileSync('/etc/hosts', question.hosts.map((line) => `${line}\n`).join(''));
  for (const name of ['real', 'ours']) {
    execFileSync('ip', ['netns', 'add', name]);
    enter(name);
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
  }
  // The one opened last is the one we stay in.
  const places: Places = { real: openShell('real'), ours: openShell('ours') };
  const outcomes: Outcome[] = [];
  for (const scenario of question.scenarios) outcomes.push(...(await play(scenario, places)));
  await places.ours.run(CLEAR);
  await places.real.run(CLEAR);
  const processes: Outcome[] = [];
  let processMs = 0;
  for (const line of question.processes) {
    const theirs = await real(line, places.real);
    const begun = performance.now();
    const program = `${question.programs}${line.program ?? 'ipvsadm'}.js`;
    const argv = ['node', program, ...(line.ours ?? line.argv)];
    const own = await places.ours.run(argv.map(quoted).join(' '), line.input);
    processMs += (performance.now() - begun) / question.processes.length;
    const left = { real: await state(places.real), ours: await state(places.ours) };
    processes.push({ line, real: theirs, ours: own, state: left });
  }
  for (const shell of [places.real, places.ours]) shell.end();
  process.stdout.write(JSON.stringify({ outcomes, processes, processMs } satisfies IpvsadmAnswer));
}

await main();
