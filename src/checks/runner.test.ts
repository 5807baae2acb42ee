import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../core/address/address.ts';
import { type CheckState, freshState } from '../core/health/state.ts';
import { type Check, type CheckKey, checkKey } from '../core/model/check.ts';
import type { Outcome } from './outcome.ts';
import { asked, failed, notMade, passed } from './outcome.ts';
import { type CheckToMake, Runner } from './runner.ts';

const check = (port: number, more: Partial<Check> = {}): Check =>
  ({
    type: 'tcp',
    address: parseAddress('192.168.1.101')!,
    port,
    interval: 5_000,
    timeout: 1_000,
    rise: 1,
    fall: 2,
    ...more,
  }) as Check;
const toMake = (one: Check, state?: CheckState): CheckToMake => ({ key: checkKey(one), check: one, state });

/** A runner whose servers answer as `answers` says by port, at once; all times are the fake clock's. */
function runner(
  answers: Record<number, Outcome | Promise<Outcome>>,
  more: { maxInFlight?: number; random?: () => number } = {},
) {
  const asked: { port: number; at: number }[] = [];
  const changes: string[] = [];
  const begin = performance.now();
  const made = new Runner({
    ask: async ({ port }) => {
      asked.push({ port, at: Math.round(performance.now() - begin) });
      return answers[port]!;
    },
    stalls: { total: () => 0, close: () => {} },
    random: () => 0,
    changed: (key: CheckKey, { verdict }) => changes.push(`${/\["port",(\d+)\]/.exec(key)![1]} ${verdict}`),
    ...more,
  });
  return { made, asked, changes };
}

describe('the runner', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells of verdicts that change, and of no other results', async () => {
    const answers: Record<number, Outcome> = { 80: passed('ok'), 81: failed('no') };
    const { made, asked, changes } = runner(answers);
    made.set([toMake(check(80)), toMake(check(81))]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(changes).toEqual(['80 up', '81 down']);
    const before = asked.length;
    answers[80] = failed('gone');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(changes).toEqual(['80 up', '81 down', '80 down']);
    expect(asked.length - before).toBe(24);
    made.close();
  });

  it('tells of feedback that changes what is in effect, at most once a second, and of silence once', async () => {
    const feedback = { floor: 10, ceiling: 100, smoothing: 0 };
    const one = { ...check(80, { interval: 100, timeout: 50 }), type: 'agent', feedback } as Check;
    const told: string[] = [];
    let answer: Outcome = asked(50, 'x');
    const made = new Runner({
      ask: async () => answer,
      stalls: { total: () => 0, close: () => {} },
      random: () => 0,
      changed: (_, { verdict, feedback }) =>
        told.push(`${verdict} ${feedback?.share}${feedback?.stale ? ' stale' : ''}`),
    });
    made.set([toMake(one)]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['up 50']);
    for (let i = 0; i < 100; i++) {
      // Less than a step, and never twice the same.
      answer = asked(48 + (i % 5), 'x');
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(told.splice(0)).toEqual(['up 50']);
    for (let i = 0; i < 100; i++) {
      answer = asked(i % 2 === 0 ? 20 : 90, 'x');
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(told.length).toBeGreaterThan(2);
    expect(told.splice(0).length).toBeLessThanOrEqual(10);
    answer = notMade('no answer');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['up 100 stale']);
    made.close();
  });

  it('begins within two seconds, and then spreads checks over their interval', async () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const ports = Array.from({ length: 200 }, (_, i) => 1_000 + i);
    const { made, asked } = runner(Object.fromEntries(ports.map((port) => [port, passed('ok')])), { random });
    made.set(ports.map((port) => toMake(check(port, { interval: 10_000 }))));
    await vi.advanceTimersByTimeAsync(2_001);
    expect(new Set(asked.map(({ port }) => port)).size).toBe(200);
    await vi.advanceTimersByTimeAsync(58_000);
    // In steady state every fifth of the interval has some of them.
    const last = asked.filter(({ at }) => at > 40_000 && at <= 50_000);
    expect(last.length).toBe(200);
    for (let fifth = 0; fifth < 5; fifth++) {
      const part = last.filter(({ at }) => at > 40_000 + 2_000 * fifth && at <= 42_000 + 2_000 * fifth);
      expect(part.length).toBeGreaterThan(10);
    }
    made.close();
  });

  it('goes on with checks that stay, begins new ones and ends those that go', async () => {
    const { made, asked, changes } = runner({ 80: passed('ok'), 81: passed('ok'), 82: failed('no') });
    made.set([toMake(check(80)), toMake(check(81))]);
    await vi.advanceTimersByTimeAsync(7_000);
    made.set([toMake(check(80)), toMake(check(82))]);
    const [from] = [asked.length];
    await vi.advanceTimersByTimeAsync(20_000);
    const later = asked.slice(from).map(({ port }) => port);
    expect(later).not.toContain(81);
    expect(later.filter((port) => port === 80).length).toBe(4);
    expect(changes).toEqual(['80 up', '81 up', '82 down']);
    expect([...made.states().keys()]).toEqual([80, 82].map((port) => checkKey(check(port))));
    made.close();
  });

  it('goes on from a state that it is given', async () => {
    const { made, changes } = runner({ 80: failed('no') });
    const up: CheckState = { ...freshState(0), verdict: 'up' };
    made.set([toMake(check(80), up)]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(changes).toEqual([]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(changes).toEqual(['80 down']);
    made.close();
  });

  it('has only so many attempts under way, none twice, and makes up by being late', async () => {
    const ends: (() => void)[] = [];
    const answers = Object.fromEntries(
      [80, 81, 82, 83].map((port) => [
        port,
        new Promise<Outcome>((resolve) => ends.push(() => resolve(passed('ok')))),
      ]),
    );
    const { made, asked } = runner(answers, { maxInFlight: 2 });
    made.set([80, 81, 82, 83].map((port) => toMake(check(port))));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked.length).toBe(2);
    expect(made.report()).toMatchObject({ in_flight: 2, checks: 4, late_p99_ms: expect.any(Number) });
    ends[0]!();
    await vi.advanceTimersByTimeAsync(100);
    expect(asked.length).toBe(3);
    expect(made.report().late_p99_ms).toBeGreaterThan(20_000);
    for (const end of ends) end();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(new Set(asked.map(({ port }) => port)).size).toBe(4);
    expect(made.report().in_flight).toBe(0);
    made.close();
  });
});
