/** How `weir` ends: exit codes, and the errors that carry them. */
import { ControlProblem, DaemonUnreachable } from '../api/client.ts';
import type { Problem } from '../api/problem.ts';
import { AlreadyRunning } from '../api/server.ts';

/** Exit codes of every verb; `diff` alone differs: 0 same, 1 different, more than 1 trouble. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  noSuchObject: 3,
  unreachable: 4,
  refused: 5,
  conflict: 6,
} as const;

/** What they mean, in their order. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT.done, 'done'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'wrong usage'],
  [EXIT.noSuchObject, 'no such object'],
  [EXIT.unreachable, 'daemon unreachable'],
  [EXIT.refused, 'refused by validation'],
  [EXIT.conflict, 'conflict'],
];

/** The command line asks for something that makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the command line names does not exist. */
export class NoSuchObject extends Error {
  override readonly name = 'NoSuchObject';
}

/** Exit codes for what the daemon answers; any other problem is a failure. */
const PROBLEM_EXITS: Readonly<Partial<Record<Problem['type'], number>>> = {
  'urn:weir:bad-request': EXIT.usage,
  'urn:weir:not-found': EXIT.noSuchObject,
  'urn:weir:refused': EXIT.refused,
  'urn:weir:version-conflict': EXIT.conflict,
  'urn:weir:plane-conflict': EXIT.conflict,
};

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof NoSuchObject) return EXIT.noSuchObject;
  if (error instanceof DaemonUnreachable) return EXIT.unreachable;
  if (error instanceof AlreadyRunning) return EXIT.conflict;
  if (error instanceof ControlProblem) return PROBLEM_EXITS[error.problem.type] ?? EXIT.failed;
  return EXIT.failed;
}
