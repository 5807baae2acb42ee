/** The command line against a real control socket; behind it stands the director in memory of control.fixture.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach } from 'vitest';
import { type Fixture, fixture } from '../api/control.fixture.ts';
import type { Control } from '../api/control.ts';
import { type ControlServer, serveControl } from '../api/server.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { main } from './main.ts';
import type { Io } from './session.ts';

/** A stream that keeps what is written to it. */
export const sink = (into: string[]): Writable =>
  new Writable({
    write(chunk, _encoding, done) {
      into.push(String(chunk));
      done();
    },
  });

/** What a call of weir came to. */
export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly writes: readonly string[];
}

/** A directory of its own for each test of a file, and what is served there. */
export interface CliRig {
  /** The run directory. */
  readonly dir: string;
  serve(overrides?: Partial<Control>): Promise<Fixture>;
  /** Ends what is served, as `ControlServer.close` does. */
  stop(graceMs?: number): Promise<void>;
  /** Types a line. */
  weir(line: string, io?: Partial<Io>): Promise<Typed>;
}

/** The rig of a file; its directory and server last for one test. */
export function cliRig(): CliRig {
  let dir: string;
  let server: ControlServer | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-cli-'));
  });
  afterEach(async () => {
    await server?.close(0);
    server = undefined;
    rmSync(dir, { recursive: true });
  });
  return {
    get dir() {
      return dir;
    },
    async serve(overrides = {}) {
      const made = fixture(overrides);
      server = await serveControl(made.control, socketPathIn(dir));
      return made;
    },
    async stop(...grace) {
      await server?.close(...grace);
    },
    async weir(line, io = {}) {
      const out: string[] = [];
      const err: string[] = [];
      const args = line.split(' ').filter((word) => word !== '');
      const code = await main(['--run-dir', dir, ...args], {
        stdout: sink(out),
        stderr: sink(err),
        env: {},
        isTTY: false,
        ...io,
      });
      return { code, out: out.join(''), err: err.join(''), writes: out };
    },
  };
}

/** A terminal of the usual width. */
export const terminal = { isTTY: true, columns: 80 };

/** Lines without their newlines. */
export const lines = (text: string): readonly string[] => text.split('\n').slice(0, -1);

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
export const COLOUR: RegExp = /\u001b\[\d+m/;
