import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandReading,
  cpusOf,
  leastReading,
  loadReading,
  memoryReading,
  queueReading,
} from './readings.ts';

const STAT = `cpu  10 0 10 100 0 0 0 0 0 0
cpu0 5 0 5 50 0 0 0 0 0 0
cpu1 5 0 5 50 0 0 0 0 0 0
intr 12345 0 9
ctxt 99
btime 1700000000
processes 4000
procs_running 2
procs_blocked 0
`;
const MEMINFO = (available: number) =>
  `MemTotal:       10000000 kB\nMemFree:          500000 kB\nMemAvailable:   ${available} kB\nBuffers: 1 kB\n`;
const PRESSURE = (some: string) =>
  `some avg10=${some} avg60=1.00 avg300=0.50 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;

describe('what /proc says', () => {
  it.each([
    ['0.00', 100],
    ['0.50', 75],
    ['1.38', 31],
    ['2.00', 0],
    ['17.00', 0],
  ])('load %s on two CPUs is %i %%', (load, percent) => {
    const reason = `load ${load} on 2 CPUs`;
    expect(loadReading(`${load} 0.10 0.05 1/234 5678\n`, STAT)).toEqual({ percent, reason });
  });

  it.each([
    [9_000_000, 100, 90],
    [2_000_000, 100, 20],
    [1_000_000, 50, 10],
    [0, 0, 0],
  ])('%i kB available of ten million is %i %%', (available, percent, part) => {
    const reason = `${part}% of the memory available`;
    expect(memoryReading(MEMINFO(available))).toEqual({ percent, reason });
  });

  it('takes the pressure for the run queue, and where there is none those who run', () => {
    expect(queueReading(PRESSURE('12.34'), STAT)).toEqual({
      percent: 88,
      reason: '12.34% of the time somebody waits for a CPU',
    });
    expect(queueReading(undefined, STAT)).toEqual({ percent: 50, reason: '1 in the run queue of 2 CPUs' });
    expect(queueReading(undefined, STAT.replace('running 2', 'running 0'))?.percent).toBe(100);
    expect(queueReading(undefined, STAT.replace('running 2', 'running 9'))?.percent).toBe(0);
  });

  it('counts the CPUs that are online', () => {
    expect(cpusOf(STAT)).toBe(2);
    expect(cpusOf('cpu  1 2 3\n')).toBe(1);
  });
});

it.each([
  ['75', 75],
  ['75%\n', 75],
  [' 33.4 %\nmore', 33],
  ['250', 100],
  ['0\n', 0],
  ['-1', undefined],
  ['', undefined],
  ['75 of 100', undefined],
  ['up', undefined],
])('%j of a command is %s', (printed, percent) => {
  expect(commandReading(printed)?.percent).toBe(percent);
});

it('takes the least of all, and no less than the floor', () => {
  const of = (percent: number) => ({ percent, reason: `${percent}` });
  expect(leastReading([of(80), of(30), of(30)], 1)).toEqual(of(30));
  expect(leastReading([of(0), of(30)], 5)).toEqual({ percent: 5, reason: '0' });
  expect(leastReading([], 5)).toBeUndefined();
});

it('survives any text, and never gives more than all or less than nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      for (const one of [loadReading(a, b), memoryReading(a), queueReading(a, b), commandReading(a)])
        if (one !== undefined) {
          expect(Number.isInteger(one.percent)).toBe(true);
          expect(one.percent).toBeGreaterThanOrEqual(0);
          expect(one.percent).toBeLessThanOrEqual(100);
        }
    }),
  );
});
