import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeBars, judge } from './bars.ts';
import { describeChecks } from './checks/measure.ts';
import { parseCpuTime, parseProcessTime, passed } from './cpu.ts';
import { haproxy } from './directors/haproxy.ts';
import { nftables } from './directors/nftables.ts';
import { describeComparison } from './packet/against.ts';
import { describePackets } from './packet/measure.ts';
import {
  againstBase,
  baseAgainstItself,
  baseDifference,
  type Measurement,
  median,
  type Round,
  shuffled,
} from './ratios.ts';
import { describeRow, type RowResult, rowDocument } from './report.ts';
import { allRows } from './rows.ts';
import { expectedSeconds, readSettings } from './settings.ts';

const cost = (microseconds: number): Measurement => ({
  operations: 1,
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
});

/** Rounds whose bases differ by a part, with Weir and nftables at these multiples of the bases' mean. */
const rounds = (difference: number, weir: number, nftables: number): Round[] => {
  const [first, last] = [10, 10 * (1 + difference)];
  const mean = (first + last) / 2;
  const peers = { weir: cost(mean * weir), nftables: cost(mean * nftables) };
  return [1, 2, 3].map(() => ({ bases: [cost(first), cost(last)], peers }));
};

describe('bars', () => {
  it('are missed only by more than plain routing differs from itself', () => {
    expect(judge(1, rounds(0.02, 0.99, 1.1))).toMatchObject({ result: 'met', below_nftables: true });
    expect(judge(1, rounds(0.02, 1.01, 1.1))).toMatchObject({ result: 'within_again' });
    expect(judge(1, rounds(-0.02, 1.01, 1.1))).toMatchObject({ result: 'within_again' });
    expect(judge(1, rounds(0.02, 1.03, 1.1))).toMatchObject({ result: 'missed' });
    expect(judge(1.03, rounds(0.02, 1.025, 1.1))).toMatchObject({ result: 'met' });
    expect(judge(1.03, rounds(0.02, 1.04, 1.1))).toMatchObject({ result: 'missed' });
  });

  it('compare with nftables where that was measured', () => {
    expect(judge(1, rounds(0, 1, 0.99))).toMatchObject({ result: 'met', below_nftables: false });
    const alone = rounds(0, 1, 1).map(({ bases, peers }) => ({ bases, peers: { weir: peers.weir! } }));
    expect(judge(1, alone)).not.toHaveProperty('below_nftables');
    expect(judge(1, [round(1, 1, 1)])).toBeUndefined();
  });

  it('are told in a line each', () => {
    const lines = describeBars([
      ['bulk', judge(1, rounds(0.02, 1.05, 1.04))],
      ['udp', judge(1.03, rounds(0.02, 0.9, 1.1))],
      ['short', undefined],
    ]);
    expect(lines.slice(1)).toEqual([
      "  bulk        weir 1.050 ≤ 1.00 × plain routing: MISSED (A/A 1.020); below nftables' 1.040: MISSED",
      "  udp         weir 0.900 ≤ 1.03 × plain routing: met (A/A 1.020); below nftables' 1.100: met",
      '  short       weir was not measured',
    ]);
  });
});

describe('a report', () => {
  const row = allRows().find(({ name }) => name === 'udp')!;
  const result: RowResult = {
    row,
    peers: ['weir', 'nftables', 'haproxy (tcp)'],
    rounds: rounds(0.02, 0.9, 1.1),
  };

  it('says of every peer what it costs, or that it cannot do it', () => {
    expect(describeRow(result)).toEqual([
      "small UDP: processor time per answer ÷ plain routing's (3 rounds)",
      '                           median  min – max',
      '  haproxy (tcp)            –',
      '  nftables                 1.100   1.100 – 1.100',
      '  weir                     0.900   0.900 – 0.900',
      '  plain routing again      1.020   1.020 – 1.020',
      '  plain routing 10.1 µs per answer, 1 a turn (median of all); processors 100 % busy, 0 % by others, 0 % stolen',
    ]);
  });

  it('holds the same in JSON', () => {
    const document = rowDocument(result);
    expect(document).toMatchObject({
      name: 'udp',
      operation: 'answer',
      verdict: { bar: 1.03, result: 'met', below_nftables: true },
      again: { median: 1.02 },
    });
    expect(document.ratios['haproxy (tcp)']).toBeNull();
    expect(document.ratios.weir?.median).toBeCloseTo(0.9);
    expect(document.rounds).toHaveLength(3);
  });

  it('has a line for each measure of single packets', () => {
    expect(describePackets({ 'new flow': [7, 5, 6] }).at(-1)).toMatch(/^ {2}new flow +6 {2}5 – 7$/);
  });

  it('have a line for each kind of check', () => {
    const one = { checks: 30_000, made_per_second: 6_001, processor_share: 0.512, changed: 0, not_up: 2 };
    const late = { late_p50_ms: 0.5, late_p99_ms: 3.25, late_p99_worst_ms: 40, void: 1 };
    const measures = { tcp: { ...one, ...late }, http: { ...one, ...late } };
    expect(describeChecks(measures)[2]).toBe(
      '  tcp    30000    6001     51 %     0.5     3.3    40.0  1 void, 0 changed, 2 not up',
    );
  });

  it('stand beside those of an earlier version, where it has them', () => {
    const before = { 'new flow': [10, 12, 11] };
    const now = { 'new flow': [9, 7, 8], 'later fragment': [1, 2, 3] };
    const lines = describeComparison('0123456789', { before, now });
    expect(lines.slice(1)).toEqual([
      `  ${''.padEnd(46)}0123456    now  ratio`,
      `  ${'new flow'.padEnd(46)}     11      8  0.73`,
    ]);
  });
});

describe('the command line', () => {
  const choices = { rows: allRows(), peers: [nftables(), haproxy()] };

  it('means everything by default, in less than ten minutes', () => {
    const settings = readSettings([], choices);
    expect(settings).toMatchObject({ rounds: 8, seconds: 2, packets: true, checks: true });
    expect(settings.rows.map(({ name }) => name)).toEqual(['keep-alive', 'short', 'bulk', 'udp']);
    // Four peers on three rows, three on UDP.
    const peers = [...choices.peers, nftables(), nftables()];
    expect(expectedSeconds({ ...settings, peers })).toBeLessThan(600);
  });

  it('picks rows and peers by their first word', () => {
    const settings = readSettings(['--only', 'bulk,packets', '--peers', 'haproxy', '--rounds', '2'], choices);
    expect(settings).toMatchObject({ rounds: 2, packets: true });
    expect(settings.rows.map(({ name }) => name)).toEqual(['bulk']);
    expect(settings.peers.map(({ name }) => name)).toEqual(['haproxy (tcp)']);
    expect(readSettings(['--only', 'udp'], choices)).toMatchObject({ packets: false, checks: false });
  });

  it('says what there is instead', () => {
    expect(() => readSettings(['--only', 'ftp'], choices)).toThrow(
      'keep-alive,short,bulk,udp,packets,checks',
    );
    expect(() => readSettings(['--peers', 'ipvs'], choices)).toThrow('one or more of nftables,haproxy');
    expect(() => readSettings(['--rounds', '0'], choices)).toThrow('--rounds takes a whole number');
  });
});
