/** What a run was measured on: two runs compare only where this is the same. */
import { cpus, release, totalmem } from 'node:os';

/** The machine and the versions. */
export interface Machine {
  readonly date: string;
  readonly kernel: string;
  /** Processors and their model, e.g. `2 × AMD EPYC`. */
  readonly processors: string;
  readonly memory_gib: number;
}

/** This machine, now. */
export function readMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    kernel: release(),
    processors: `${processors.length} × ${processors[0]?.model ?? 'unknown'}`,
    memory_gib: Math.round(totalmem() / 2 ** 30),
  };
}

/** One line each. */
export function describeMachine(machine: Machine): string[] {
  return [
    `date        ${machine.date}`,
    `kernel      ${machine.kernel}`,
    `processors  ${machine.processors}, ${machine.memory_gib} GiB`,
  ];
}
