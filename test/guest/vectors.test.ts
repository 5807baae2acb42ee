/** Our schedulers against recorded answers of the kernel's ip_vs; schedule.test.ts asks the kernel itself. */
import { describe, expect, it } from 'vitest';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { differences, isOurs, isWithoutOracle, referenceChoices, WITHOUT_ORACLE } from './reference.ts';
import { choiceLetter, type Scenario } from './scenario.ts';
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

  it('lblc differs by thresholds, to which the one of ip_vs does not keep', () => {
    const some = scenarios.filter(isWithoutOracle);
    const isExceeded = ({ name, servers }: Scenario): boolean =>
      servers.some(
        ({ upper }, i) =>
          upper !== undefined && vectors.choices[name]!.split(choiceLetter(i)).length > upper + 1,
      );
    const isKept = (scenario: Scenario): boolean =>
      scenario.servers.every(
        ({ upper }, i) =>
          upper === undefined ||
          referenceChoices(scenario, active).split(choiceLetter(i)).length <= upper + 1,
      );
    expect(some.some(isExceeded)).toBe(true);
    expect(some.every(isKept)).toBe(true);
  });
});
