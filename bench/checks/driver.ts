/**
 * Makes checks of very many targets for a while, in one thread, as the daemon's own thread does. Usage: driver.ts TYPE COUNT
 * INTERVAL_MS SECONDS. Prints a line of JSON: `Measured` of measure.ts.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { askBy } from '../../src/checks/attempt.ts';
import { noteGroups } from '../../src/checks/groups.ts';
import { type CheckToMake, Runner } from '../../src/checks/runner.ts';
import { watchStalls } from '../../src/checks/stalls.ts';
import { parseAddress } from '../../src/core/address/address.ts';
import { type Check, checkKey, DEFAULT_CHECK_TIMEOUT_MS } from '../../src/core/model/check.ts';
import { Connector } from '../../src/kernel/connector.ts';
import { Pinger } from '../../src/kernel/pinger.ts';
import { median } from '../ratios.ts';
import { type Measured, targetAddress } from './measure.ts';

const [type, ...numbers] = process.argv.slice(2);
const [count, interval, seconds] = numbers.map(Number) as [number, number, number];

function checkOf(address: string): Check {
  const target = { address: parseAddress(address)!, port: 80 };
  const common = { ...target, interval, timeout: DEFAULT_CHECK_TIMEOUT_MS, rise: 2, fall: 3 };
  if (type === 'tcp') return { type, ...common };
  return { type: 'http', ...common, method: 'GET', path: '/', status: [[200, 299]] };
}

const checks: CheckToMake[] = Array.from({ length: count }, (_, index) => {
  const check = checkOf(targetAddress(index));
  return { key: checkKey(check), check };
});
let changes = 0;
const runner = new Runner({
  ask: askBy({ connector: new Connector(), pinger: new Pinger(), watch: noteGroups(undefined) }),
  stalls: watchStalls(),
  random: Math.random,
  changed: () => {
    changes += 1;
  },
});
runner.set(checks);
// The first ones come within two seconds, and then each at a moment of its own.
await wait(2_000 + 2 * interval);

const before = { ...runner.report(), cpu: process.cpuUsage(), at: performance.now(), changes };
const lateness: { p50: number; p99: number }[] = [];
while (performance.now() - before.at < seconds * 1_000) {
  await wait(250);
  const { late_p50_ms, late_p99_ms } = runner.report();
  lateness.push({ p50: late_p50_ms, p99: late_p99_ms });
}
const after = runner.report();
const elapsedMs = performance.now() - before.at;
const { user, system } = process.cpuUsage(before.cpu);
const up = [...runner.states().values()].filter(({ verdict }) => verdict === 'up').length;
const measured: Measured = {
  checks: count,
  made_per_second: Math.round((1_000 * (after.made - before.made)) / elapsedMs),
  processor_share: (user + system) / 1_000 / elapsedMs,
  late_p50_ms: median(lateness.map(({ p50 }) => p50)),
  late_p99_ms: median(lateness.map(({ p99 }) => p99)),
  late_p99_worst_ms: Math.max(...lateness.map(({ p99 }) => p99)),
  void: after.void - before.void,
  changed: changes - before.changes,
  not_up: count - up,
};
console.log(JSON.stringify(measured));
runner.close();
