/** The exec check: does a program say that the server is well? It runs without a shell, and with the rights of the daemon. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { ExecCheck } from '../core/model/check.ts';
import { asked, CannotAsk, failed, notMade, type Outcome, outcomeOf, passed } from './outcome.ts';
import { quoteHeard } from './quote.ts';

/** How much of what it prints is kept, in bytes; the rest is read and forgotten. */
const KEPT_OUTPUT = 512;

/** Runs the program; ends when it ends, or is killed with its process group as `signal` aborts. */
export function checkExec(check: ExecCheck, signal: AbortSignal): Promise<Outcome> {
  const { address, port } = check;
  const [program = '', ...parts] = check.command.map((part) =>
    part.replaceAll('{address}', address).replaceAll('{port}', String(port)),
  );
  return new Promise((resolve) => {
    const child = spawn(program, parts, {
      // Nothing of the daemon's own environment, in which there may be secrets.
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LANG: 'C',
        WEIR_ADDRESS: address,
        WEIR_PORT: String(port),
        WEIR_TIMEOUT_MS: String(check.timeout),
      },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session and process group of its own, so that what it starts can be ended with it.
      detached: true,
    });
    const [out, err] = [keep(child.stdout), keep(child.stderr)];
    const end = (outcome: Outcome) => {
      signal.removeEventListener('abort', abort);
      // Once it has been waited for, the number may be another's.
      if (!ended()) killGroup(child);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(outcome);
    };
    const judge = (): Outcome => {
      const { exitCode, signalCode } = child;
      const line = firstLine(out()) || firstLine(err());
      const said = line === '' ? '' : `: ${line}`;
      if (check.feedback !== undefined && exitCode !== null && exitCode !== 1)
        return asked(exitCode === 0 ? 100 : exitCode - 2, `exit status ${exitCode}${said}`);
      if (exitCode === 0) return passed(`exit status 0${said}`);
      return failed(`${exitCode === null ? `ended by ${signalCode}` : `exit status ${exitCode}`}${said}`);
    };
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    // It may have ended, and left somebody behind who holds its output open.
    const abort = () => end(ended() ? judge() : unheard(outcomeOf(signal.reason)));
    // With feedback a program that does not come to its end says nothing of the server.
    const unheard = (outcome: Outcome) => (check.feedback === undefined ? outcome : notMade(outcome.reason));
    signal.addEventListener('abort', abort);
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(outcomeOf(new CannotAsk(`the director cannot run ${program}: ${error.code ?? 'failed'}`))),
    );
    // What it left behind would hold its output open.
    child.on('exit', () => killGroup(child));
    child.on('close', () => end(judge()));
  });
}

function keep(stream: NodeJS.ReadableStream | null): () => string {
  let kept = '';
  stream?.on('data', (piece: Buffer) => {
    if (kept.length < KEPT_OUTPUT) kept += piece.toString('latin1', 0, KEPT_OUTPUT);
  });
  stream?.on('error', () => {});
  return () => kept;
}

const firstLine = (text: string): string => {
  const [line = ''] = text.trimStart().split('\n', 1);
  return line === '' ? '' : (JSON.parse(quoteHeard(line, '')) as string).trim();
};

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
