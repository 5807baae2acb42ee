/** What ip_vs answered to the recorded scenarios, kept so that nothing has to be booted to compare with it. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { activeWeight } from './reference.ts';
import type { Choices, Scenario } from './scenario.ts';
import { WEIGHING } from './scenarios.ts';

/** The file's content. */
export interface ScheduleVectors {
  /** The kernel whose ip_vs answered: `uname -r`. */
  readonly kernel: string;
  /** Of the scenarios that were asked; scenarios.ts makes them again. */
  readonly digest: string;
  /** A scenario's name → its choices, in the order of the scenarios. */
  readonly choices: Readonly<Record<string, Choices>>;
}

const FILE = fileURLToPath(new URL('vectors/schedule.json', import.meta.url));

/** The answers as the file has them. */
export function vectorsOf(
  scenarios: readonly Scenario[],
  kernel: string,
  choices: readonly Choices[],
): ScheduleVectors {
  return {
    kernel,
    digest: createHash('sha256').update(JSON.stringify(scenarios)).digest('hex'),
    choices: Object.fromEntries(scenarios.map(({ name }, i) => [name, choices[i]!])),
  };
}

/** What an active connection weighs in the kernel that gave these answers; throws when they do not say. */
export function activeWeightOf({ choices }: ScheduleVectors): number {
  const [, weighing] = Object.entries(choices).find(([name]) => name.endsWith(WEIGHING)) ?? [];
  return activeWeight(weighing ?? '');
}

/** Reads the file; throws where it is missing or the scenarios are others than those that were asked. */
export function readVectors(scenarios: readonly Scenario[]): ScheduleVectors {
  const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as ScheduleVectors;
  if (vectorsOf(scenarios, '', []).digest !== vectors.digest)
    throw new Error(
      `${FILE} answers other scenarios; record it again: node_modules/.bin/tsx test/guest/record.ts`,
    );
  return vectors;
}

/** Writes the file. */
export function writeVectors(vectors: ScheduleVectors): void {
  writeFileSync(FILE, `${JSON.stringify(vectors, undefined, 2)}\n`);
}
