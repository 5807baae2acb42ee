/** A million packets of random lives on every CPU at once: afterwards every counter equals a walk of the table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.ts';

interface Counts {
  readonly live: number;
  readonly active: number;
  readonly inactive: number;
  readonly templates: number;
  readonly half_open: number;
}
interface Outcome {
  readonly quiet: { walked: Counts & { claimed: number }; counted: Counts & { keys: number } };
  readonly empty: { walked: Counts & { claimed: number }; counted: Counts & { keys: number } };
  readonly lowest: number;
  readonly differences: readonly string[];
  readonly remembered: number;
  readonly conns: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly expiredMeanwhile: number;
}

const modes = [
  { mode: 'drive', packets: 2_500_000, most: 0 },
  // Of one client, or two that count as one, there is one template, whoever has made it at the same time.
  { mode: 'persist', packets: 1_000_000, most: 2 },
];

describe.each(modes)('after parallel opens, closes and expiries ($mode)', ({ mode, packets, most }) => {
  let lab: Lab;
  let outcome: Outcome;
  beforeAll(async () => {
    lab = await createLab({ sysctls: { 'net.ipv4.ip_forward': 1 } });
    const driver = ['--import', import.meta.resolve('tsx'), 'test/bpf/churn-driver.ts'];
    const argv = [process.execPath, ...driver, mode, String(packets)];
    outcome = JSON.parse(await lab.run(lab.director, argv, { timeout: 150_000 })) as Outcome;
    console.log(JSON.stringify(outcome));
  }, 180_000);
  afterAll(() => lab?.close());

  it('something of every kind has happened', () => {
    expect(outcome.conns).toBeGreaterThan(packets / 10);
    expect(outcome.expiredMeanwhile + outcome.verdicts['expired']!).toBeGreaterThan(0);
    if (mode === 'persist') expect(outcome.remembered).toBeGreaterThan(0);
    for (const name of ['reused', 'reclaimed', 'half_open_evicted'])
      expect(outcome.verdicts[name], name).toBeGreaterThan(0);
  });

  it('the counters equal a walk of the table', () => {
    const { walked, counted } = outcome.quiet;
    expect(walked.claimed).toBe(0);
    expect(walked.templates).toBeLessThanOrEqual(most);
    expect({ ...counted, claimed: 0 }).toEqual({ ...walked, keys: 2 * walked.live - walked.templates });
  });

  it('no counter was ever seen below zero, and the audit found no difference', () => {
    expect(outcome.lowest).toBe(0);
    expect(outcome.differences).toEqual([]);
  });

  it('expiry empties the table, keys and counters with it', () => {
    const nothing = { live: 0, active: 0, inactive: 0, templates: 0, half_open: 0 };
    expect(outcome.empty.walked).toEqual({ ...nothing, claimed: 0 });
    expect(outcome.empty.counted).toEqual({ ...nothing, keys: 0 });
  });
});
