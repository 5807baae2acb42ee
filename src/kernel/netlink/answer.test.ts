import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAcknowledgement, decodeDone, NetlinkError, unwrap } from './answer.ts';
import { encodeAttributes } from './attribute.ts';
import { LITTLE_ENDIAN, viewOf, zeroTerminated } from './bytes.ts';
import { encodeMessage, type Message, NLMSG_ERROR } from './message.ts';

/** An NLMSG_ERROR that repeats `request` and has a sentence after it. */
function refusal(errno: number, flags: number, request: Uint8Array, text?: string): Message {
  const tail = text === undefined ? [] : [...encodeAttributes([{ type: 1, value: zeroTerminated(text) }])];
  const payload = Uint8Array.from([0, 0, 0, 0, ...request, ...tail]);
  viewOf(payload).setInt32(0, -errno, LITTLE_ENDIAN);
  return { type: NLMSG_ERROR, flags, sequence: 1, port: 0, payload };
}

const request = encodeMessage({ type: 20, flags: 5, sequence: 1, port: 0, payload: new Uint8Array(12) });

describe('decodeAcknowledgement', () => {
  it('reads errno and sentence whether the request is repeated in full or only its header', () => {
    const expected = { ok: true, value: { errno: 17, text: 'Address already assigned' } };
    const text = 'Address already assigned';
    expect(decodeAcknowledgement(refusal(17, 0x200, request, text))).toEqual(expected);
    expect(decodeAcknowledgement(refusal(17, 0x300, request.subarray(0, 16), text))).toEqual(expected);
  });

  it('has no sentence where the flags promise none', () => {
    expect(decodeAcknowledgement(refusal(0, 0x100, request.subarray(0, 16)))).toEqual({
      ok: true,
      value: { errno: 0 },
    });
  });

  it('never throws, whatever the payload', () => {
    const message = fc.record({ flags: fc.nat({ max: 0xffff }), payload: fc.uint8Array({ maxLength: 60 }) });
    fc.assert(
      fc.property(message, ({ flags, payload }) => {
        const result = decodeAcknowledgement({ type: NLMSG_ERROR, flags, sequence: 0, port: 0, payload });
        expect(result.ok).toBe(payload.length >= 20);
      }),
    );
  });
});

describe('decodeDone', () => {
  it('knows a failed dump from a good one', () => {
    const done = (payload: Uint8Array) => decodeDone({ type: 3, flags: 2, sequence: 1, port: 0, payload });
    const errno = new Uint8Array(4);
    viewOf(errno).setInt32(0, -22, LITTLE_ENDIAN);
    expect(done(errno)).toEqual({ errno: 22 });
    expect(done(new Uint8Array())).toEqual({ errno: 0 });
  });
});

describe('errors', () => {
  it('name what was asked, the errno and the kernel’s sentence', () => {
    const error = new NetlinkError('add 10.0.0.1/24 to eth9', { errno: 1, text: 'no way' });
    expect(error.message).toBe('netlink: add 10.0.0.1/24 to eth9: operation not permitted (EPERM); no way');
    expect(error).toMatchObject({ asked: 'add 10.0.0.1/24 to eth9', code: 'EPERM', name: 'NetlinkError' });
  });

  it('say where an answer makes no sense', () => {
    const complaint = { ok: false, error: { what: 'message header', offset: 3 } } as const;
    expect(() => unwrap('list links', complaint)).toThrow(/list links.*byte 3.*message header/);
  });
});
