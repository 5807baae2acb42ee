import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AdminChange,
  listOverrides,
  NO_OVERRIDES,
  overridesOf,
  overrideText,
  withChange,
  withDeadlines,
} from './override.ts';
import type { ServiceKey } from './service.ts';

const [web, mail] = ['tcp 203.0.113.100:80', 'tcp 203.0.113.100:25'] as ServiceKey[] as [
  ServiceKey,
  ServiceKey,
];
const server = fc.record({
  service: fc.constantFrom(web, mail),
  server: fc.constantFrom('a:1', 'b:1', 'c:1'),
});
const change: fc.Arbitrary<AdminChange> = fc.record({
  servers: fc.uniqueArray(server, { maxLength: 3, selector: (one) => one.service + one.server }),
  state: fc.constantFrom('up', 'drain', 'down'),
  since: fc.constantFrom('2026-11-22T14:00:00.000Z', '2026-11-22T15:00:00.000Z'),
});

describe('overrides', () => {
  it('are what was asked last of each server, and nothing of those that are up', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const model = new Map<string, string>();
        let overrides = NO_OVERRIDES;
        for (const one of changes) {
          overrides = withChange(overrides, one);
          for (const { service, server: name } of one.servers)
            if (one.state === 'up') model.delete(`${service} ${name}`);
            else model.set(`${service} ${name}`, one.state);
        }
        const found = listOverrides(overrides);
        expect(new Map(found.map((one) => [`${one.service} ${one.server}`, one.state]))).toEqual(model);
        expect(overridesOf(found)).toEqual(overrides);
      }),
    );
  });

  it('disable at its deadline who is drained until then, and nobody else', () => {
    const times = fc.integer({ min: 0, max: 20 }).map((s) => new Date(1_000 * s).toISOString());
    const drains = fc.array(fc.record({ change, deadline: fc.option(times, { nil: undefined }) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(drains, times, times, (list, one, other) => {
        const [early, late] = [one, other].sort() as [string, string];
        let before = NO_OVERRIDES;
        for (const { change: asked, deadline } of list)
          before = withChange(before, { ...asked, ...(deadline !== undefined && { deadline }) });
        const { overrides, ended } = withDeadlines(before, late);
        for (const was of listOverrides(before)) {
          const now = overrides.get(was.service)!.get(was.server)!;
          if (was.deadline !== undefined && was.deadline <= late) {
            expect(was.state).toBe('drain');
            expect(now).toMatchObject({ state: 'down', since: was.deadline, overdue: true });
            expect(now).not.toHaveProperty('deadline');
            expect(ended).toContain(was);
          } else expect(now).toBe(was);
        }
        // Looking more often changes nothing, and whoever is disabled stays so.
        expect(withDeadlines(withDeadlines(before, early).overrides, late).overrides).toEqual(overrides);
        expect(withDeadlines(overrides, late)).toEqual({ overrides, ended: [] });
      }),
    );
  });

  it('name their deadline', () => {
    const drained = {
      service: web,
      server: 'a:1',
      state: 'drain',
      since: '2026-11-22T14:00:00.000Z',
      deadline: '2026-11-22T14:05:00.000Z',
      reason: 'new disks',
    } as const;
    expect(overrideText(drained)).toBe(
      'drained since 2026-11-22T14:00:00Z until 2026-11-22T14:05:00Z (new disks)',
    );
  });

  it('say that a drain is over', () => {
    const until = '2026-11-22T14:05:00.000Z';
    const servers = [{ service: web, server: 'a:1' }];
    const asked = { servers, state: 'drain', since: '2026-11-22T14:00:00.000Z', deadline: until } as const;
    const { overrides } = withDeadlines(withChange(NO_OVERRIDES, asked), until);
    const said = (of: typeof overrides) => listOverrides(of).map(overrideText);
    expect(said(overrides)).toEqual(['its drain is over: disabled since 2026-11-22T14:05:00Z']);
    // What is asked then counts as asked.
    const again = withChange(overrides, { servers, state: 'down', since: '2026-11-22T15:00:00.000Z' });
    expect(said(again)).toEqual(['disabled since 2026-11-22T14:05:00Z']);
    expect(listOverrides(again)[0]).not.toHaveProperty('overdue');
  });

  it('keep the time of what is asked again', () => {
    const servers = [{ service: web, server: 'a:1' }];
    const first = withChange(NO_OVERRIDES, { servers, state: 'drain', since: '2026-11-22T14:00:00.000Z' });
    const again = withChange(first, {
      servers,
      state: 'drain',
      since: '2026-11-22T15:00:00.000Z',
      reason: 'disks',
    });
    const down = withChange(again, { servers, state: 'down', since: '2026-11-22T16:00:00.000Z' });
    expect(listOverrides(again).map(overrideText)).toEqual(['drained since 2026-11-22T14:00:00Z (disks)']);
    expect(listOverrides(down).map(overrideText)).toEqual(['disabled since 2026-11-22T16:00:00Z']);
  });
});
