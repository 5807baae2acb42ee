/** A million packets of random lives on every CPU at once: afterwards every counter equals a walk of the table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.ts';

const PACKETS = 2_500_000;

interface Counts {
  readonly live: number;
  readonly active: number;
  readonly inactive: number;
  readonly half_open: number;
}
interface Outcome {
  readonly quiet: { walked: Counts & { claimed: number }; counted: Counts & { keys: number } };
  readonly empty: { walked: Counts & { claimed: number }; counted: Counts & { keys: number } };
  readonly lowest: number;
  readonly differences: readonly string[];
  readonly conns: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly expiredMeanwhile: number;
}

let lab: Lab;
let outcome: Outcome;
beforeAll(async () => {
  lab = await createLab({ sysctls: { 'net.ipv4.ip_forward': 1 } });
  const argv = [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    'test/bpf/churn-driver.ts',
    'drive',
    String(PACKETS),
  ];
  outcome = JSON.parse(await lab.run(lab.director, argv, { timeout: 50_000 })) as Outcome;
  console.log(JSON.stringify(outcome));
});
afterAll(() => lab?.close());

describe('after parallel opens, closes and expiries', () => {
  it('something of every kind has happened', () => {
    expect(outcome.conns).toBeGreaterThan(1_000_000);
    expect(outcome.expiredMeanwhile + outcome.verdicts['expired']!).toBeGreaterThan(0);
    for (const name of ['reused', 'reclaimed', 'half_open_evicted'])
      expect(outcome.verdicts[name], name).toBeGreaterThan(0);
  });

  it('the counters equal a walk of the table', () => {
    const { walked, counted } = outcome.quiet;
    expect(walked.claimed).toBe(0);
    expect({ ...counted, claimed: 0 }).toEqual({ ...walked, keys: 2 * walked.live });
  });

  it('no counter was ever seen below zero, and the audit found no difference', () => {
    expect(outcome.lowest).toBe(0);
    expect(outcome.differences).toEqual([]);
  });

  it('expiry empties the table, keys and counters with it', () => {
    expect(outcome.empty.walked).toEqual({ live: 0, active: 0, inactive: 0, half_open: 0, claimed: 0 });
    expect(outcome.empty.counted).toEqual({ live: 0, active: 0, inactive: 0, half_open: 0, keys: 0 });
  });
});
