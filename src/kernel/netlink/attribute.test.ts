import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributeValue, decodeAttributes, encodeAttributes } from './attribute.ts';

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
