/** What a load is: the traffic of a row, who answers it and who counts it. */
import { setTimeout as wait } from 'node:timers/promises';
import { LabError } from '../../src/lab/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';

/** What a director has to bring to the real servers; they serve the same port. */
export interface Service {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** What a load came to. */
export interface Sent {
  /** Need not be a whole number. */
  readonly operations: number;
  readonly errors: number;
}

/** A kind of traffic. */
export interface Load {
  readonly service: Service;
  /** What is counted, for people: `request`, `MiB`. */
  readonly operation: string;
  /** Starts what answers, on every real server, until the lab ends; loads with the same function share what it starts. */
  serve(lab: Lab): Promise<void>;
  /** Opens one connection to each address and gives the names of the real servers they lead to; throws when one does not answer. */
  ask(lab: Lab, targets: readonly string[]): Promise<string[]>;
  /**
   * Sends for so many seconds, over a fixed number of connections to each target. Throws a LabError when nothing can
   * be counted.
   */
  send(lab: Lab, targets: readonly string[], seconds: number): Promise<Sent>;
}

/** Asks the targets until all answer, and gives the names of the real servers; throws a LabError after ten tries. */
export async function untilAnswered(lab: Lab, load: Load, targets: readonly string[]): Promise<string[]> {
  let last: unknown;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    try {
      return await load.ask(lab, targets);
    } catch (error) {
      last = error;
    }
    await wait(100);
  }
  const { protocol, port } = load.service;
  const where = [...new Set(targets)].map((address) => `${protocol} ${address}:${port}`).join(', ');
  throw new LabError(`no answer from ${where}: ${last instanceof Error ? last.message : String(last)}`);
}

/** Waits until a process brings the load to real servers; throws a LabError with what it said when it ends instead. */
export async function untilServing(
  lab: Lab,
  load: Load,
  director: LabProcess,
  address: string,
): Promise<void> {
  const early = director.ended.then((end) => {
    throw new LabError(
      `${director.title} ended (${end.signal ?? `code ${end.code}`}):\n${director.output()}`,
    );
  });
  await Promise.race([untilAnswered(lab, load, [address]), early]);
}
