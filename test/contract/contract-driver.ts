/** Runs the contract against the eBPF plane, inside a lab's director; prints name → error, or null, as a line of JSON. */
import { bpfSubjects } from './bpf-subject.ts';
import { CASE_LIMITS } from './case.ts';
import { CONTRACT } from './suite.ts';

const outcome: Record<string, string | null> = {};
const subjects = bpfSubjects();
for (const one of CONTRACT) {
  const subject = subjects.open({ ...CASE_LIMITS, ...one.limits });
  try {
    await one.run(subject);
    outcome[one.name] = null;
  } catch (error) {
    outcome[one.name] = (error as Error).stack ?? String(error);
  } finally {
    subject.close();
  }
}
subjects.close();
console.log(JSON.stringify(outcome));
