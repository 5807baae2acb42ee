/** A guest's kernel as a process of the host's: started, heard, and killed when it does not halt in time. */
import { spawn } from 'node:child_process';
import { LabError } from '../command.ts';

/** Runs a command until it ends; resolves with all that it said. `seconds` are what it has until it is killed. */
export function untilHalted(command: string, argv: readonly string[], seconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // A process group of its own: user-mode-linux has a process for each of the guest's, and all end together.
    // Whoever waits for it may be killed: then it ends, too, instead of running on with nobody there (PR_SET_PDEATHSIG, prctl(2)).
    const untilWeEnd = ['--pdeathsig', 'KILL', command, ...argv];
    const child = spawn('setpriv', untilWeEnd, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    const timer = setTimeout(() => {
      said += '\n(the guest did not halt in time and was killed)\n';
      process.kill(-child.pid!, 'SIGKILL');
    }, seconds * 1000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new LabError(`cannot start the guest: ${error.message}`));
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}

/** The kernel's command line has no quoting that init.sh could rely on. */
export function plain(path: string): string {
  if (/[\s",=]/.test(path))
    throw new LabError(
      `the guest cannot be told of ${path}: a path must have no blanks, quotes, commas or =`,
    );
  return path;
}
