import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { KernelPlane, SweepReport } from '../dataplane/port.ts';
import type { Log } from '../observe/log.ts';
import { startUpkeep } from './upkeep.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says what fails once, and when it goes on', () => {
  const said: string[] = [];
  const note = (event: string, { error, task }: { error?: Error; task?: string } = {}) =>
    said.push([event, task, error?.message].filter((word) => word !== undefined).join(' '));
  let trouble: string | undefined = 'no memory';
  let sweeps = 0;
  const plane = {
    sweep: (): SweepReport => {
      sweeps++;
      if (trouble !== undefined) throw new Error(trouble);
      return { walked: 0, expired: 0, completed: true, differences: [] };
    },
    retireSlice: () => ({ completed: true, retired: [] }),
    retiring: () => [],
    routesChanged: () => {},
  } as unknown as KernelPlane;
  const stop = startUpkeep(plane, { info: note, warn: note, error: note } as unknown as Log, () => 1_000);
  const swept = (more: number) => {
    const until = sweeps + more;
    while (sweeps < until) vi.advanceTimersByTime(100);
  };
  swept(5);
  trouble = 'no map';
  swept(5);
  trouble = undefined;
  swept(5);
  stop();
  expect(said.filter((line) => line !== 'routes_changed')).toEqual([
    'upkeep_failed sweep no memory',
    'upkeep_failed sweep no map',
    'upkeep_goes_on sweep',
  ]);
});
