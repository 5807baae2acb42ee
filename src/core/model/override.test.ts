import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AdminChange,
  listOverrides,
  NO_OVERRIDES,
  overridesOf,
  overrideText,
  withChange,
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
