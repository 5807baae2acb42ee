/** The measures in lines for people. */
import { median } from '../ratios.ts';
import type { Flood } from './flood.ts';
import type { Change, Gaps, Listing, Load } from './measure.ts';

const line = (name: string, text: string): string => `${name.padEnd(34)} ${text}`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const s = (value: number): string => `${value.toFixed(2)} s`;

/** `median (min – max)` of one number over all changes. */
const spread = (values: readonly number[]): string =>
  `${ms(median(values))} (${ms(Math.min(...values))} – ${ms(Math.max(...values))})`;

export function describeLoad(load: Load): string[] {
  const { seconds, cpu_seconds, read_ms, plan_ms, steps_ms, resident_mib } = load;
  const rest = 1000 * seconds - read_ms - plan_ms - steps_ms;
  return [
    line('start to all published', `${s(seconds)}, of the processor ${s(cpu_seconds)}`),
    line('  reading the file', ms(read_ms)),
    line('  looking, comparing', ms(plan_ms)),
    line('  publishing', ms(steps_ms)),
    line('  program and tables', ms(rest)),
    line('resident then', `${resident_mib} MiB`),
  ];
}

export function describeChanges(changes: readonly Change[]): string[] {
  const each = (pick: (change: Change) => number) => spread(changes.map(pick));
  return [
    line(
      'one changed service, after reading',
      each((one) => one.apply_ms),
    ),
    line(
      '  looking, comparing',
      each((one) => one.plan_ms),
    ),
    line(
      '  publishing it',
      each((one) => one.steps_ms),
    ),
    line(
      '  reading the file before',
      each((one) => one.read_ms),
    ),
  ];
}

export function describeGaps({ seconds, answers, median_ms, p99_ms, longest_ms, cpu_share }: Gaps): string[] {
  const took = `${ms(median_ms)}, 99 of 100 within ${ms(p99_ms)}, longest ${ms(longest_ms)}`;
  return [
    line(`an answer, ${answers} in ${seconds.toFixed(0)} s`, took),
    line('  processor meanwhile', `${(100 * cpu_share).toFixed(1)} %`),
  ];
}

export function describeFlood({ opened, open_ns, sweep_ms, slices, longest_slice_ms }: Flood): string[] {
  return [
    line('connections opened', `${opened.toLocaleString('en')}, ${open_ns} ns each`),
    line('a pass of the sweep', `${ms(sweep_ms)} in ${slices} slices, longest ${ms(longest_slice_ms)}`),
  ];
}

export function describeListing(name: string, listing: Listing): string {
  const { listed, seconds, cpu_seconds, resident_mib } = listing;
  const { before, peak, after } = resident_mib;
  const memory = `resident ${before} MiB before, ${peak} at most, ${after} after`;
  const time = `${s(seconds)}, of the daemon's processor ${s(cpu_seconds)}`;
  return line(name, `${listed.toLocaleString('en')} in ${time}; ${memory}`);
}
