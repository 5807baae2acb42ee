/** The reference by itself: what no test run of the kernel's programs can show. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOf, SIMULATED_MAC, transportPacket } from '../../../test/contract/frames.ts';
import { at } from '../../../test/contract/site.ts';
import { SECURE_TCP_VECTORS, TCP_VECTORS } from '../../../test/contract/tcp-states.ts';
import { changedChecksum, checksumOf } from './checksum.ts';
import { receive } from './director.ts';
import { nextState } from './state.ts';
import { createWorld } from './world.ts';

const emptyWorld = () =>
  createWorld(
    { now: () => 0, random: () => 0, route: () => undefined },
    { connections: { 4: 16, 6: 16 }, hold: 60_000, halfOpen: 16 },
  );

describe('receive', () => {
  const types = fc.constantFrom([0x08, 0x00], [0x86, 0xdd], [0x08, 0x06]);

  it('takes any bytes, leaves them as they are, and hands them on where nothing is published', () => {
    fc.assert(
      fc.property(
        types,
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom('public', 'private'),
        (type, bytes, side) => {
          const frame = Uint8Array.of(...SIMULATED_MAC, 2, 0, 0, 0, 0, 9, ...type, ...bytes);
          const before = frame.slice();
          const outcome = receive(emptyWorld(), side, { frame, ifindex: 1 }, SIMULATED_MAC);
          expect(outcome.action).toBe('NEXT');
          expect(outcome.frame).toEqual(before);
          expect(frame).toEqual(before);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['203.0.113.10', '203.0.113.100'],
    ['2001:db8:113::10', '2001:db8:113::100'],
  ])('takes a frame from %s cut short anywhere for malformed', (source, target) => {
    const packet = transportPacket({
      protocol: 'tcp',
      source: at(source),
      sourcePort: 4000,
      target: at(target),
      targetPort: 80,
    });
    const whole = frameOf(packet, SIMULATED_MAC);
    for (let length = 14; length < whole.length; length++) {
      const world = emptyWorld();
      const frame = whole.slice(0, length);
      expect(receive(world, 'public', { frame, ifindex: 1 }, SIMULATED_MAC).action).toBe('NEXT');
      expect(world.verdicts.malformed, `${length} bytes`).toBe(1);
    }
  });
});

it.each(TCP_VECTORS)('TCP: $direction with flags $flags in $before leads to $after', (vector) => {
  expect(nextState(vector.before, vector.flags, vector.direction)).toBe(vector.after);
});

it.each(SECURE_TCP_VECTORS)(
  'secure_tcp: $direction with flags $flags in $before leads to $after',
  (vector) => {
    expect(nextState(vector.before, vector.flags, vector.direction, true)).toBe(vector.after);
  },
);

it('a checksum changed with its words is the one taken anew', () => {
  const words = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(words, words, words, (rest, before, after) => {
      // A sum of nothing but zeroes has another 0 than any other sum.
      fc.pre(rest.some((byte) => byte !== 0));
      expect(changedChecksum(checksumOf(rest, before), before, after)).toBe(checksumOf(rest, after));
    }),
  );
});
