/** Loads that come from a C program of this directory, compiled when the bench starts: so little of the time is theirs. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError, mustRun } from '../../src/lab/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Load, Service } from './load.ts';

/** What a program counted. */
export interface ProgramReport {
  /** Bytes or answers, as the program has it. */
  readonly done: number;
  readonly errors: number;
  /** The number of the real server each connection led to, from 1. */
  readonly servers: readonly number[];
}

/** How a program becomes a load. */
export interface ProgramOptions {
  /** The C file beside this one, without its ending. */
  readonly name: 'bulk' | 'udp';
  readonly service: Service;
  readonly operation: string;
  /** How much of what the program counts is one operation. */
  readonly unit: number;
  /** Connections to each target at the same time. */
  readonly connections: number;
}

/** Reads what a program printed; throws a LabError when it is not what it should be. */
export function parseReport(text: string): ProgramReport {
  const problem = new LabError(`the load printed no count: ${JSON.stringify(text.slice(0, 200))}`);
  let report: Partial<ProgramReport> | null;
  try {
    report = JSON.parse(text) as Partial<ProgramReport> | null;
  } catch {
    throw problem;
  }
  const { done, errors, servers } = report ?? {};
  if (typeof done !== 'number' || typeof errors !== 'number' || !Array.isArray(servers)) throw problem;
  return { done, errors, servers };
}

/** Throws a LabError unless every real server has as many connections as its share is, give or take an eighth or one. */
export function checkShares(servers: readonly number[], count: number): void {
  const shares = Array.from(
    { length: count },
    (_, index) => servers.filter((each) => each === index + 1).length,
  );
  const fair = servers.length / count;
  if (shares.some((share) => Math.abs(share - fair) > Math.max(1, fair / 8)))
    throw new LabError(`the real servers have ${shares.join(', ')} connections, not about ${fair} each`);
}

/** The load that a program makes. */
export function programLoad(options: ProgramOptions): Load {
  const { name, service, operation, unit, connections } = options;
  const program = (lab: Lab): string => join(lab.runDir, `load-${name}`);
  const port = String(service.port);
  const load = async (lab: Lab, seconds: number, targets: readonly string[]): Promise<ProgramReport> => {
    const argv = [program(lab), 'load', String(seconds), port, ...targets];
    return parseReport(await lab.run(lab.clients[0]!, argv, { timeout: seconds * 1000 + 20_000 }));
  };
  return {
    service,
    operation,
    async serve(lab) {
      const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
      await mustRun(['clang', '-O2', '-Wall', '-Wextra', '-Werror', source, '-o', program(lab)]);
      for (const [index, host] of lab.servers.entries())
        await lab.spawn(host, [program(lab), 'serve', String(index + 1), port]);
    },
    async ask(lab, targets) {
      const { servers } = await load(lab, 0, targets);
      return servers.map((number) => `server${number}`);
    },
    async send(lab, targets, seconds) {
      const addresses = Array.from({ length: connections }, () => targets).flat();
      const { done, errors, servers } = await load(lab, seconds, addresses);
      checkShares(servers, lab.servers.length);
      return { operations: done / unit, errors };
    },
  };
}
