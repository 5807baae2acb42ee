import { expect, it } from 'vitest';
import { drawChart } from './chart.ts';

it('draws what a value was from when on', () => {
  const samples = [
    { at: 0, value: 40 },
    { at: 2, value: 0 },
    { at: 4, value: 5 },
    { at: 5, value: 20 },
    { at: 7, value: 40 },
  ];
  expect(drawChart(samples, { seconds: 10, most: 40, width: 20, height: 2 }, 5)).toEqual([
    '40 │████          ██████',
    '   │████    ▂▂██████████',
    ' 0 └┴─────────┴────────┴',
    '    0s        5s       10s',
  ]);
});

it('draws nothing before the first sample, and no value beyond the edge', () => {
  expect(drawChart([{ at: 1, value: 99 }], { seconds: 2, most: 9, width: 4, height: 1 }, 2)).toEqual([
    '9 │  ██',
    '0 └┴──┴',
    '   0s 2s',
  ]);
});
