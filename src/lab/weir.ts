/** Weir on the director of a lab: its configuration, its daemon and its other verbs, all with the lab's own places. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandOptions, type CommandResult, LabError } from './command.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './process.ts';
import { weirProgram } from './programs.ts';

/** Weir in one lab. */
export interface LabWeir {
  /** The configuration file; `writeConfig` makes it. */
  readonly configFile: string;
  writeConfig(text: string): Promise<void>;
  /**
   * Starts `weir run` and waits until it says that all is as configured. Throws a LabError with what it said when it
   * ends before, or after `timeout` milliseconds (default 15,000) without.
   */
  start(timeout?: number): Promise<LabProcess>;
  /** Starts `weir run` and waits for nothing. */
  spawn(): Promise<LabProcess>;
  /** Runs another verb on the director, whatever its exit code, e.g. `exec(['services', '-o', 'json'])`. */
  exec(words: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As `exec`, and throws a LabError when the exit code is not 0; gives the standard output. */
  run(words: readonly string[], options?: CommandOptions): Promise<string>;
}

/** Weir for the lab, from dist/weir.js; throws a LabError when that has not been built. */
export function labWeir(lab: Lab, program: string = weirProgram()): LabWeir {
  if (!existsSync(program)) throw new LabError(`${program} is missing; run make build first`);
  const configFile = join(lab.runDir, 'weir.yaml');
  const argv = (words: readonly string[]): string[] => [
    ...[process.execPath, program, ...words],
    ...['--config', configFile, '--run-dir', lab.runDir],
    ...['--state-dir', lab.stateDir, '--pin-dir', lab.pinDir],
  ];
  const spawn = (): Promise<LabProcess> => lab.spawn(lab.director, argv(['run']), { title: 'weir run' });
  return {
    configFile,
    spawn,
    writeConfig: (text) => writeFile(configFile, text),
    async start(timeout = 15_000) {
      const daemon = await spawn();
      await daemon.waitForLine((line) => line.includes('"event":"ready"'), timeout);
      return daemon;
    },
    exec: (words, options) => lab.exec(lab.director, argv(words), options),
    run: (words, options) => lab.run(lab.director, argv(words), options),
  };
}
