/**
 * A guest whose kernel has the real ip_vs, which the host's kernel may lack: Debian's user-mode-linux, an ordinary
 * program that needs neither root nor virtualisation. It sees the host's files read-only and none of its network.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../command.ts';
import { plain, untilHalted } from './boot.ts';
import { followFile } from './follow.ts';

/** The unpacked packages (fetch.sh). */
export interface Guest {
  /** The folder they lie in. */
  readonly tools: string;
  /** Name and version of each, a line apiece. */
  readonly packages: string;
  /** Boots it for the job in the folder `run`, with a folder for what it needs meanwhile; resolves with what its kernel said. */
  readonly boot: (guest: Guest, run: string, scratch: string, seconds: number) => Promise<string>;
}

/** What is to be done in the guest. */
export interface GuestJob {
  /** A command, found by the guest's PATH: the host's programs, and ipvsadm. */
  readonly argv: readonly string[];
  /** Written to its standard input. */
  readonly input?: string;
  /** Seconds until the guest ends it; default 60. Booting comes on top. */
  readonly timeout?: number;
  /** Told what it writes to its standard output, in pieces of any length, a second or so after it has. */
  readonly heard?: (piece: string) => void;
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
  return existsSync(list) ? { tools, packages: readFileSync(list, 'utf8'), boot } : undefined;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

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
  return untilHalted(join(guest.tools, 'usr/bin/linux.uml'), argv, seconds + BOOT_SECONDS);
}

/**
 * Boots the guest, runs one command in it and halts it. `run` is a folder of the host that the guest may write to.
 * Throws a LabError with what the kernel said when the guest did not come as far as ending the command.
 */
export async function runInGuest(guest: Guest, run: string, job: GuestJob): Promise<GuestResult> {
  const seconds = job.timeout ?? 60;
  mkdirSync(run, { recursive: true });
  // Sockets of the guest's console have paths of 107 characters at most, so they lie apart.
  const scratch = mkdtempSync(join(tmpdir(), 'weir-guest-'));
  try {
    for (const left of ['stdout', 'stderr', 'status']) rmSync(join(run, left), { force: true });
    writeFileSync(join(run, 'job.sh'), `exec ${job.argv.map(quoted).join(' ')}\n`);
    writeFileSync(join(run, 'input'), job.input ?? '');
    const follow = job.heard && followFile(join(run, 'stdout'), job.heard);
    const said = await guest.boot(guest, run, scratch, seconds).finally(() => follow?.());
    if (!existsSync(join(run, 'status')))
      throw new LabError(`the guest did not run ${job.argv.join(' ')}; its kernel said:\n${said}`);
    const read = (name: string): string => readFileSync(join(run, name), 'utf8');
    return { code: Number(read('status')), stdout: read('stdout'), stderr: read('stderr'), console: said };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
