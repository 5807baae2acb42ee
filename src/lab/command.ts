/** Runs one command to its end, without a shell. */
import { spawn } from 'node:child_process';

/** How a command ended. */
export interface CommandResult {
  /** The exit code; 128 + n after signal n, as a shell would say. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command may be given. */
export interface CommandOptions {
  /** Written to its standard input. */
  readonly input?: string;
  /** Milliseconds until it is killed. Default 30,000. */
  readonly timeout?: number;
  readonly cwd?: string;
}

/** A command of the lab failed; the message says which, and what it said. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Runs a command; throws a LabError when it cannot be started or takes longer than its timeout. */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...rest] = argv;
  if (file === undefined) throw new RangeError('a command has at least one word');
  const timeout = options.timeout ?? 30_000;
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd });
    let stdout = '';
    let stderr = '';
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      child.kill('SIGKILL');
    }, timeout);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A command that ends without reading its input closes the pipe; how it ended is what counts.
    child.stdin.on('error', () => {}).end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new LabError(`cannot start ${argv.join(' ')}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (expired) reject(new LabError(`${argv.join(' ')} did not end within ${timeout} ms\n${stderr}`));
      else resolve({ code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0), stdout, stderr });
    });
  });
}

/** Runs a command and gives its standard output; throws a LabError when its exit code is not 0. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code !== 0)
    throw new LabError(
      `${argv.join(' ')} ended with ${result.code}: ${(result.stderr || result.stdout).trim()}`,
    );
  return result.stdout;
}
