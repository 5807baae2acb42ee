/** A host of the lab on which a real systemd is the first process, with Weir installed as a package would install it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandOptions, type CommandResult, LabError, mustRun, runCommand } from '../command.ts';
import type { Lab } from '../lab.ts';
import { startProcess } from '../process.ts';
import { weirProgram } from '../programs.ts';
import type { LabHost } from '../topology.ts';

const SYSTEMD = '/usr/lib/systemd/systemd';
/** Milliseconds that booting may take on a busy machine. */
const BOOT_MS = 60_000;

/** The machine. Close it before its lab. */
export interface SystemdMachine {
  /** What `systemctl is-system-running` said when all was started: running, or degraded when a unit has failed. */
  readonly state: string;
  /** Runs a command in it, in all its namespaces, whatever its exit code. */
  exec(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As `exec`, and throws a LabError when the exit code is not 0; gives the standard output. */
  run(argv: readonly string[], options?: CommandOptions): Promise<string>;
  /** A path of the machine's as the host sees it, while the machine runs. */
  path(inside: string): string;
  /** Properties of a unit (systemctl show). */
  show<Name extends string>(unit: string, ...names: readonly Name[]): Promise<Readonly<Record<Name, string>>>;
  /** Ends all that runs in it at once, as pulling the plug would; may be called more than once. */
  close(): Promise<void>;
}

/** What a machine is given before it boots. */
export interface MachineOptions {
  /** Files by their absolute paths, e.g. /etc/weir/weir.yaml. */
  readonly files: Readonly<Record<string, string>>;
  /** Units that are started at boot, as `systemctl enable` says. */
  readonly enabled: readonly string[];
}

function layOut(folder: string, files: MachineOptions['files']): void {
  mkdirSync(join(folder, 'seed'));
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'seed', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/**
 * Boots systemd on a host of the lab and waits until all is started. Throws a LabError with what it said when it does
 * not come so far, and when systemd or the built Weir is not there.
 */
export async function bootSystemd(lab: Lab, host: LabHost, options: MachineOptions): Promise<SystemdMachine> {
  if (!existsSync(SYSTEMD))
    throw new LabError(`${SYSTEMD} is missing; run scripts/install-packages.sh --test`);
  const project = dirname(dirname(weirProgram()));
  const folder = mkdtempSync(join(lab.runDir, 'systemd-'));
  layOut(folder, options.files);
  const script = fileURLToPath(new URL('outside.sh', import.meta.url));
  const name = `${lab.name}-${host.name}`;
  const holder = await startProcess(
    ['sh', script, name, host.netns, folder, project, process.execPath, ...options.enabled],
    {
      title: `systemd on ${host.name}`,
    },
  );
  const close = async (): Promise<void> => void (await holder.stop(15_000));
  try {
    const pid = (await holder.waitForLine((line) => line.startsWith('pid '), BOOT_MS)).slice('pid '.length);
    const path = (inside: string): string => `/proc/${pid}/root${inside}`;
    const inside = (argv: readonly string[]): string[] => [
      'nsenter',
      `--target=${pid}`,
      '--all',
      '--',
      ...argv,
    ];
    const exec: SystemdMachine['exec'] = (argv, more) => runCommand(inside(argv), more);
    const run: SystemdMachine['run'] = (argv, more) => mustRun(inside(argv), more);
    const state = await untilBooted(exec, holder.ended, () => readFileSync(join(folder, 'console'), 'utf8'));
    return {
      state,
      exec,
      run,
      path,
      async show(unit, ...names) {
        const text = await run(['systemctl', 'show', unit, ...names.map((one) => `--property=${one}`)]);
        const pairs = text
          .trimEnd()
          .split('\n')
          .map((line) => {
            const at = line.indexOf('=');
            return [line.slice(0, at), line.slice(at + 1)];
          });
        return Object.fromEntries(pairs);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function untilBooted(
  exec: SystemdMachine['exec'],
  ended: Promise<unknown>,
  said: () => string,
): Promise<string> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (const until = performance.now() + BOOT_MS; performance.now() < until && !over; ) {
    // Refuses at once while systemd does not listen yet.
    const { stdout } = await exec(['systemctl', 'is-system-running', '--wait'], { timeout: BOOT_MS });
    const state = stdout.trim();
    if (['running', 'degraded', 'maintenance'].includes(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new LabError(`systemd did not come up; its console:\n${said()}`);
}
