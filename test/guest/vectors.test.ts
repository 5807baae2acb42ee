/** Our schedulers against recorded answers of the kernel's ip_vs; schedule.test.ts asks the kernel itself. */
import { describe, expect, it } from 'vitest';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { differences, isOurs, WITHOUT_ORACLE } from './reference.ts';
import { recordedScenarios } from './scenarios.ts';
import { activeWeightOf, readVectors } from './vectors.ts';

describe('against the recorded answers of ip_vs', () => {
  const scenarios = recordedScenarios();
  const vectors = readVectors(scenarios);
  const active = activeWeightOf(vectors);

  it.each(SCHEDULERS.filter((name) => !WITHOUT_ORACLE.includes(name)))('%s chooses the same', (scheduler) => {
    const some = scenarios.filter((scenario) => scenario.scheduler === scheduler && isOurs(scenario));
    expect(some.length).toBeGreaterThan(0);
    const answers = some.map(({ name }) => vectors.choices[name]!);
    expect(differences(some, answers, active).join('\n')).toBe('');
  });
});
