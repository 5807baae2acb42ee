/**
 * A guest whose kernel has the real ip_vs, which the host's kernel may lack: Debian's user-mode-linux, an ordinary
 * program that needs neither root nor virtualisation. It sees the host's files read-only and none of its network.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../command.ts';

/** The unpacked packages (fetch.sh). */
export interface Guest {
  /** The folder they lie in. */
  readonly tools: string;
  /** Name and version of each, a line apiece. */
  readonly packages: string;
}

/** What is to be done in the guest. */
export interface GuestJob {
  /** A command, found by the guest's PATH: the host's programs, and ipvsadm. */
  readonly argv: readonly string[];
  /** Written to its standard input. */
  readonly input?: string;
  /** Seconds until the guest ends it; default 60. Booting comes on top. */
  readonly timeout?: number;
}

/** What came of it. */
export interface GuestResult {
  /** The command's exit code; 143 when its time was up. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the guest's kernel said. */
  readonly console: string;
}

/** Seconds that booting and halting may take on a busy machine. */
const BOOT_SECONDS = 60;
/** The guest's memory, in MiB; a file of that size, which is filled as far as it is used. */
const MEMORY = 384;

/** The guest if its packages have been fetched (`scripts/install-packages.sh --guest`), else undefined. */
export function findGuest(): Guest | undefined {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const tools = process.env['WEIR_GUEST'] || join(cache, 'weir/guest');
  const list = join(tools, 'packages');
  return existsSync(list) ? { tools, packages: readFileSync(list, 'utf8') } : undefined;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The kernel's command line has no quoting that init.sh could rely on. */
function plain(path: string): string {
  if (/[\s",=]/.test(path))
    throw new LabError(
      `the guest cannot be told of ${path}: a path must have no blanks, quotes, commas or =`,
    );
  return path;
}

/** Runs the guest's kernel until it halts; resolves with what it said. */
function boot(guest: Guest, run: string, sockets: string, seconds: number): Promise<string> {
  const init = fileURLToPath(new URL('init.sh', import.meta.url));
  const argv = [
    `mem=${MEMORY}M`,
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    'con=null',
    'con0=null,fd:1',
    'ssl=null',
    `uml_dir=${sockets}`,
    'umid=guest',
    `init=${plain(init)}`,
    `weir_tools=${plain(guest.tools)}`,
    `weir_run=${plain(run)}`,
    `weir_seconds=${seconds}`,
  ];
  return new Promise((resolve, reject) => {
    // A process group of its own: the kernel has a process for each of the guest's, and all end together.
    const child = spawn(join(guest.tools, 'usr/bin/linux.uml'), argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    const timer = setTimeout(
      () => {
        said += '\n(the guest did not halt in time and was killed)\n';
        process.kill(-child.pid!, 'SIGKILL');
      },
      (seconds + BOOT_SECONDS) * 1000,
    );
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

/**
 * Boots the guest, runs one command in it and halts it. `run` is a folder of the host that the guest may write to.
 * Throws a LabError with what the kernel said when the guest did not come as far as ending the command.
 */
export async function runInGuest(guest: Guest, run: string, job: GuestJob): Promise<GuestResult> {
  const seconds = job.timeout ?? 60;
  mkdirSync(run, { recursive: true });
  // Sockets of the guest's console have paths of 107 characters at most, so they lie apart.
  const sockets = mkdtempSync(join(tmpdir(), 'weir-guest-'));
  try {
    for (const left of ['stdout', 'stderr', 'status']) rmSync(join(run, left), { force: true });
    writeFileSync(join(run, 'job.sh'), `exec ${job.argv.map(quoted).join(' ')}\n`);
    writeFileSync(join(run, 'input'), job.input ?? '');
    const said = await boot(guest, run, sockets, seconds);
    if (!existsSync(join(run, 'status')))
      throw new LabError(`the guest did not run ${job.argv.join(' ')}; its kernel said:\n${said}`);
    const read = (name: string): string => readFileSync(join(run, name), 'utf8');
    return { code: Number(read('status')), stdout: read('stdout'), stderr: read('stderr'), console: said };
  } finally {
    rmSync(sockets, { recursive: true, force: true });
  }
}
