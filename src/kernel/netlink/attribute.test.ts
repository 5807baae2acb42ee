import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attributeLength,
  attributeValue,
  checkAttributes,
  decodeAttributes,
  encodeAttributes,
  findAttribute,
} from './attribute.ts';
import { viewOf } from './bytes.ts';

const attribute = fc.record({
  type: fc.integer({ min: 0, max: 0x3fff }),
  value: fc.uint8Array({ maxLength: 30 }),
});

describe('netlink attributes', () => {
  it('come back as they went, after whatever header', () => {
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 6 }), fc.nat({ max: 4 }), (attributes, words) => {
        const bytes = Uint8Array.from([...new Uint8Array(words * 4), ...encodeAttributes(attributes)]);
        expect(decodeAttributes(bytes, words * 4)).toEqual({ ok: true, value: attributes });
      }),
    );
  });

  it('never throw, whatever the bytes and the start', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 70 }), (bytes, start) => {
        const result = decodeAttributes(bytes, start);
        if (!result.ok) expect(result.error.offset).toBeLessThan(bytes.length);
      }),
    );
  });

  it('are the same where they are looked for in place', () => {
    const few = fc.record({ type: fc.nat({ max: 3 }), value: fc.uint8Array({ maxLength: 6 }) });
    const written = fc.array(few, { maxLength: 6 }).map(encodeAttributes);
    const cut = fc.tuple(written, fc.nat({ max: 60 })).map(([bytes, end]) => bytes.subarray(0, end));
    fc.assert(
      fc.property(fc.oneof(written, cut, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        const view = viewOf(bytes);
        const result = decodeAttributes(bytes, 0);
        const wrong = checkAttributes(view, 0, bytes.length);
        expect(wrong).toEqual(result.ok ? undefined : result.error);
        if (!result.ok) return;
        for (let type = 0; type <= 4; type++) {
          const at = findAttribute(view, 0, bytes.length, type);
          const value = at < 0 ? undefined : bytes.subarray(at, at + attributeLength(view, at));
          expect(value).toEqual(attributeValue(result.value, type));
        }
      }),
    );
  });

  it('lose the flags in the upper bits of their type', () => {
    const bytes = encodeAttributes([{ type: 0x8000 | 5, value: Uint8Array.of(1) }]);
    const back = decodeAttributes(bytes, 0);
    expect(back.ok && back.value.map(({ type }) => type)).toEqual([5]);
  });

  it('cut short are a complaint', () => {
    const bytes = encodeAttributes([{ type: 3, value: Uint8Array.of(1, 2, 3, 4) }]);
    expect(decodeAttributes(bytes.subarray(0, 6), 0)).toEqual({
      ok: false,
      error: { what: 'attribute length', offset: 0 },
    });
  });

  it('are found by type, the last one counting', () => {
    const two = [
      { type: 1, value: Uint8Array.of(1) },
      { type: 1, value: Uint8Array.of(2) },
    ];
    expect(attributeValue(two, 1)).toEqual(Uint8Array.of(2));
    expect(attributeValue(two, 2)).toBeUndefined();
  });

  it('too long for their length field are refused', () => {
    expect(() => encodeAttributes([{ type: 1, value: new Uint8Array(65_532) }])).toThrow(RangeError);
  });
});
