/** The exec check: does a program say that the server is well? It runs without a shell, and with the rights of the daemon. */
import type { ExecCheck } from '../core/model/check.ts';
import { type GroupWatch, startGroup } from '../kernel/process-group.ts';
import { asked, CannotAsk, failed, notMade, type Outcome, outcomeOf, passed } from './outcome.ts';
import { quoteHeard } from './quote.ts';

/** Runs the program; ends when it ends, or is killed with its process group as `signal` aborts. `watch` is told of that group. */
export function checkExec(check: ExecCheck, signal: AbortSignal, watch: GroupWatch): Promise<Outcome> {
  const { address, port } = check;
  const command = check.command.map((part) =>
    part.replaceAll('{address}', address).replaceAll('{port}', String(port)),
  );
  return new Promise((resolve) => {
    const group = startGroup(command, {
      env: {
        WEIR_ADDRESS: address,
        WEIR_PORT: String(port),
        WEIR_TIMEOUT_MS: String(check.timeout),
      },
      stdout: true,
      watch,
    });
    const { child } = group;
    const end = (outcome: Outcome) => {
      signal.removeEventListener('abort', abort);
      group.kill();
      group.forget();
      resolve(outcome);
    };
    const judge = (): Outcome => {
      const { exitCode, signalCode } = child;
      const { out, err } = group.said;
      const line = firstLine(out) || firstLine(err);
      const said = line === '' ? '' : `: ${line}`;
      if (check.feedback !== undefined && exitCode !== null && exitCode !== 1)
        return asked(exitCode === 0 ? 100 : exitCode - 2, `exit status ${exitCode}${said}`);
      if (exitCode === 0) return passed(`exit status 0${said}`);
      return failed(`${exitCode === null ? `ended by ${signalCode}` : `exit status ${exitCode}`}${said}`);
    };
    // It may have ended, and left somebody behind who holds its output open.
    const abort = () => end(group.ended ? judge() : unheard(outcomeOf(signal.reason)));
    // With feedback a program that does not come to its end says nothing of the server.
    const unheard = (outcome: Outcome) => (check.feedback === undefined ? outcome : notMade(outcome.reason));
    signal.addEventListener('abort', abort);
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(outcomeOf(new CannotAsk(`the director cannot run ${command[0]}: ${error.code ?? 'failed'}`))),
    );
    child.on('close', () => end(judge()));
  });
}

const firstLine = (said: Buffer): string => {
  const [line = ''] = said.toString('latin1').trimStart().split('\n', 1);
  return line === '' ? '' : (JSON.parse(quoteHeard(line, '')) as string).trim();
};
