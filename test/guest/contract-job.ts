/** Runs in the guest: the contract of data planes against the ip_vs plane; prints name → what became of it. */
import { CASE_LIMITS } from '../contract/case.ts';
import { CONNECTION_CASES } from '../contract/cases/connections.ts';
import { FORWARDING_CASES } from '../contract/cases/forwarding.ts';
import { ICMP_CASES } from '../contract/cases/icmp.ts';
import { PERSISTENCE_CASES } from '../contract/cases/persistence.ts';
import { SERVICE_CASES } from '../contract/cases/services.ts';
import { SORRY_CASES } from '../contract/cases/sorry.ts';
import { THRESHOLD_CASES } from '../contract/cases/thresholds.ts';
import { Impossible, openIpvsSubject } from '../contract/ipvs-subject.ts';
import { ON_DOWN_CASES } from './on-down-cases.ts';

/** `passed`; or what nobody can do to ip_vs, or see of it, at which a case has ended; or an error. */
export type ContractOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'impossible' | 'failed'; readonly why: string };

/**
 * What LVS defines. The others are about what is the stack's where ip_vs is (fragments, answers, forwarding by it), what it
 * has not (several ports, half-open queues, taking over) and what it does by other words (one packet: decision 5).
 */
const CASES = [
  ...FORWARDING_CASES,
  ...ICMP_CASES,
  ...CONNECTION_CASES,
  ...SERVICE_CASES,
  ...PERSISTENCE_CASES,
  ...SORRY_CASES,
  ...THRESHOLD_CASES,
  ...ON_DOWN_CASES,
];

async function main(): Promise<void> {
  const outcome: Record<string, ContractOutcome> = {};
  for (const one of CASES) {
    const subject = openIpvsSubject({ ...CASE_LIMITS, ...('limits' in one && one.limits) });
    try {
      await one.run(subject);
      outcome[one.name] = { kind: 'passed' };
    } catch (error) {
      outcome[one.name] =
        error instanceof Impossible
          ? { kind: 'impossible', why: error.message }
          : { kind: 'failed', why: (error as Error).stack ?? String(error) };
    } finally {
      subject.close();
    }
  }
  process.stdout.write(JSON.stringify(outcome));
}

await main();
