/** Asks the guest's ip_vs. */
import { fileURLToPath } from 'node:url';
import type { Guest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import type { Scenario } from './scenario.ts';
import type { ScheduleAnswer } from './schedule-job.ts';
import type { StatesAnswer, StatesQuestion } from './states-job.ts';

/** Boots the guest once and plays all scenarios to it, which takes some 30 ms each; throws when it fails. */
export async function askGuest(guest: Guest, scenarios: readonly Scenario[]): Promise<ScheduleAnswer> {
  const job = fileURLToPath(new URL('schedule-job.ts', import.meta.url));
  return (await runProgramInGuest(guest, job, scenarios)) as ScheduleAnswer;
}

/** Boots the guest once and plays all connections to it in each mode; throws when it fails. */
export async function askStates(guest: Guest, question: StatesQuestion): Promise<StatesAnswer> {
  const job = fileURLToPath(new URL('states-job.ts', import.meta.url));
  return (await runProgramInGuest(guest, job, question)) as StatesAnswer;
}
