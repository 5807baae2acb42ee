import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/parse.ts';
import { parseCpuTime, parseProcessTime, passed } from './cpu.ts';
import { weirConfig } from './directors/weir.ts';
import { parseWrk } from './load.ts';
import {
  againstBase,
  baseAgainstItself,
  baseDifference,
  type Measurement,
  median,
  type Round,
  shuffled,
} from './ratios.ts';

const cost = (microseconds: number): Measurement => ({
  requests: 1,
  errors: 0,
  microseconds,
  load: 1,
  stolen: 0,
  others: 0,
});
const round = (first: number, peer: number, last: number): Round => ({
  bases: [cost(first), cost(last)],
  peers: { peer: cost(peer) },
});

it('the configuration Weir is measured with is a valid one', () => {
  const result = parseConfig(weirConfig(['192.168.1.101', '192.168.1.102']), 'bench.yaml');
  expect(result).toMatchObject({ ok: true });
});

describe('ratios', () => {
  it('compare a peer with the mean of both bases of its own round', () => {
    const rounds = [round(10, 22, 12), round(100, 100, 100), round(1, 3, 3)];
    expect(againstBase(rounds, 'peer')).toEqual({ median: 1.5, min: 1, max: 2 });
    expect(baseAgainstItself(rounds)).toEqual({ median: 1.2, min: 1, max: 3 });
    expect(baseDifference([round(10, 1, 8), round(10, 1, 13), round(10, 1, 10)])).toBeCloseTo(0.2);
  });

  it('take the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('shuffling loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer()),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (all, numbers) => {
          const mixed = shuffled(all, () => numbers.next().value as number);
          expect([...mixed].sort()).toEqual([...all].sort());
        },
      ),
    );
  });
});

describe('what is read', () => {
  it('of the processors: guest time is counted once, stolen time apart', () => {
    const before = parseCpuTime('cpu  10 1 5 100 4 2 3 7 6 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n');
    expect(before).toEqual({ busy: 21, stolen: 7, total: 132 });
    const after = parseCpuTime('cpu  20 1 5 110 4 2 3 8 6 0\n');
    const time = passed({ ...before, others: 50 }, { ...after, others: 54 });
    expect(time).toEqual({ busy: 6, stolen: 1, total: 21, others: 4 });
  });

  it('of a process: its own time and its dead children’s, but nothing for a kernel thread', () => {
    const stat = (flags: number) => `7 (a b) c) S 1 7 7 0 -1 ${flags} 9 9 9 9 100 20 3 4 20 0 1 0 500 1 1`;
    expect(parseProcessTime(stat(0x400000))).toBe(127);
    expect(parseProcessTime(stat(0x208040))).toBe(0);
  });

  it('of wrk: every kind of error counts', () => {
    const clean =
      '  1 threads and 4 connections\n  46011 requests in 2.00s, 7.2MB read\nRequests/sec:  22990.1\n';
    expect(parseWrk(clean)).toEqual({ requests: 46_011, errors: 0 });
    const bad = `${clean}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n`;
    expect(parseWrk(bad).errors).toBe(15);
    expect(() => parseWrk('unable to connect')).toThrow('no count of requests');
  });
});
