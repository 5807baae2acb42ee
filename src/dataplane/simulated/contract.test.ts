/** The simulated plane keeps the contract of data planes. */
import { expect, it } from 'vitest';
import { CASE_LIMITS } from '../../../test/contract/case.ts';
import { openSimulatedSubject } from '../../../test/contract/simulated-subject.ts';
import { CONTRACT } from '../../../test/contract/suite.ts';

it.each(CONTRACT.map((one) => [one.name, one] as const))('%s', async (_, one) => {
  const subject = openSimulatedSubject({ ...CASE_LIMITS, ...one.limits });
  await one.run(subject);
  subject.close();
});

it('names its cases once', () => {
  expect(new Set(CONTRACT.map(({ name }) => name)).size).toBe(CONTRACT.length);
});
