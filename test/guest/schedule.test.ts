/** Our schedulers against the kernel's own ip_vs, in a guest: recorded scenarios, and random ones. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { askGuest } from './ask.ts';
import { differences, isOurs, WITHOUT_ORACLE } from './reference.ts';
import { openingsOf } from './scenario.ts';
import { randomScenarios, recordedScenarios } from './scenarios.ts';
import type { ScheduleAnswer } from './schedule-job.ts';
import { activeWeightOf, readVectors, type ScheduleVectors, vectorsOf } from './vectors.ts';

/** Random scenarios for each scheduler, set of flags and family. */
const RANDOM_EACH = 4;

const guest = findGuest();
if (guest === undefined)
  console.warn(
    "SKIPPED: the schedulers are not compared with the kernel's ip_vs, as the guest that has it was not fetched;\n" +
      'scripts/install-packages.sh --guest fetches it, or says why not.',
  );

describe.skipIf(guest === undefined)('ip_vs in the guest', () => {
  const recorded = recordedScenarios();
  const all = [...recorded, ...randomScenarios(fc.readConfigureGlobal()?.seed ?? 1, RANDOM_EACH)];
  let answer: ScheduleAnswer;
  let answered: ScheduleVectors;
  beforeAll(async () => {
    answer = await askGuest(guest!, all);
    answered = vectorsOf(recorded, answer.kernel, answer.choices.slice(0, recorded.length));
  }, 150_000);

  it('answers every opening', () => {
    const lengths = all.map((scenario) => openingsOf(scenario).length);
    expect(answer.choices.map((choices) => choices.length)).toEqual(lengths);
  });

  it('answers as recorded', ({ skip }) => {
    const { kernel, choices } = readVectors(recorded);
    skip(answer.kernel !== kernel, `the guest is Linux ${answer.kernel}, recorded was ${kernel}`);
    expect(answered.choices).toEqual(choices);
  });

  it.each(SCHEDULERS.filter((name) => !WITHOUT_ORACLE.includes(name)))('%s chooses as we do', (scheduler) => {
    const some = all.flatMap((scenario, i) =>
      scenario.scheduler === scheduler && isOurs(scenario) ? [{ scenario, choices: answer.choices[i]! }] : [],
    );
    expect(some.length).toBeGreaterThan(0);
    const found = differences(
      some.map(({ scenario }) => scenario),
      some.map(({ choices }) => choices),
      activeWeightOf(answered),
    );
    expect(found.join('\n')).toBe('');
  });
});
