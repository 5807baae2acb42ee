import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessages, encodeMessage, type Message } from './message.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const message: fc.Arbitrary<Message> = fc.record({
  type: u16,
  flags: u16,
  sequence: u32,
  port: u32,
  payload: fc.uint8Array({ maxLength: 40 }),
});

describe('netlink messages', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const bytes = Uint8Array.from(messages.flatMap((one) => [...encodeMessage(one)]));
        const back = decodeMessages(bytes);
        expect(back).toEqual({ ok: true, value: messages });
      }),
    );
  });

  it('never throw, and never reach beyond the bytes, whatever these are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const result = decodeMessages(bytes);
        if (!result.ok) expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
        else
          expect(result.value.reduce((sum, one) => sum + 16 + one.payload.length, 0)).toBeLessThanOrEqual(
            bytes.length,
          );
      }),
    );
  });

  it('cut short are a complaint that says where', () => {
    const bytes = encodeMessage({ type: 16, flags: 0, sequence: 1, port: 0, payload: new Uint8Array(8) });
    expect(decodeMessages(bytes.subarray(0, 10))).toEqual({
      ok: false,
      error: { what: 'message header', offset: 0 },
    });
    expect(decodeMessages(bytes.subarray(0, 20))).toEqual({
      ok: false,
      error: { what: 'message length', offset: 0 },
    });
  });

  it('whose length is smaller than their header are refused, or a reader would turn in circles', () => {
    expect(decodeMessages(new Uint8Array(16)).ok).toBe(false);
  });
});
