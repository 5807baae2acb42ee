/** The eBPF plane keeps the contract of data planes: the cases that the simulated one keeps. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { CONTRACT } from '../contract/suite.ts';

/** Milliseconds: some seconds on a quiet machine. */
const MOST = 200_000;

let lab: Lab;
let outcome: Record<string, string | null>;
beforeAll(async () => {
  lab = await createLab({ sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 } });
  const argv = [process.execPath, '--import', import.meta.resolve('tsx'), 'test/contract/contract-driver.ts'];
  outcome = JSON.parse(await lab.run(lab.director, argv, { timeout: MOST })) as typeof outcome;
}, MOST + 10_000);
afterAll(() => lab?.close());

it.each(CONTRACT.map(({ name }) => name))('%s', (name) => {
  expect(outcome[name]).toBeNull();
});
