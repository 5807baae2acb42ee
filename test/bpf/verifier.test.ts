/** How much of the verifier's million instructions each program takes; other kernels may walk more than this one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openProbe, type Probe, SMALL } from './probe.ts';

/** Some room above what is measured; a quarter of it is for fragments, whose path is walked by itself. Before raising one, look whether a function could be verified by itself. */
const LIMITS = { public: 170_000, private: 110_000, egress: 90_000, sweep: 18_000 } as const;

let probe: Probe;
beforeAll(() => {
  probe = openProbe(SMALL);
});
afterAll(() => probe.close());

it.each(Object.entries(LIMITS))('walks the %s program in at most %i instructions', (name, limit) => {
  const walked = probe.bpf.verifiedInstructions(probe.tables.programs[name as keyof typeof LIMITS]);
  console.log(`${name}: ${walked} instructions`);
  expect(walked).toBeGreaterThan(100);
  expect(walked).toBeLessThanOrEqual(limit);
});
