import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAttributes } from './attribute.ts';
import { decodeFamily, decodeGeneric, encodeGeneric, GenericSocket } from './generic.ts';

describe('messages of generic netlink', () => {
  it('come back as they went', () => {
    const message = fc.record({
      command: fc.nat({ max: 255 }),
      attributes: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(message, fc.nat({ max: 255 }), (one, version) => {
        expect(decodeGeneric({ payload: encodeGeneric(one, version) })).toEqual({ ok: true, value: one });
      }),
    );
  });

  it('and the number of a family never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
        expect(decodeGeneric({ payload }).ok).toBe(payload.length >= 4);
        expect(typeof decodeFamily({ payload }).ok).toBe('boolean');
      }),
    );
    const value = Uint8Array.of(1);
    const payload = encodeGeneric({ command: 1, attributes: encodeAttributes([{ type: 1, value }]) });
    expect(decodeFamily({ payload }).ok).toBe(false);
  });
});

describe('a socket of generic netlink', () => {
  it('finds the family that every kernel has, and asks it about itself', () => {
    const socket = new GenericSocket('nlctrl');
    try {
      // CTRL_CMD_GETFAMILY by CTRL_ATTR_FAMILY_ID, and all families.
      const attributes = encodeAttributes([{ type: 1, value: new Uint8Array(Uint16Array.of(0x10).buffer) }]);
      const answer = socket.ask({ asked: 'look up nlctrl', command: 3, attributes });
      expect(Buffer.from(answer.attributes).includes('nlctrl\0')).toBe(true);
      const all = socket.dump({ asked: 'list families', command: 3, attributes: new Uint8Array() });
      expect(all.some((one) => Buffer.from(one.attributes).includes('nlctrl\0'))).toBe(true);
    } finally {
      socket.close();
    }
  });

  it('says by name what the kernel refuses', () => {
    expect(() => new GenericSocket('WEIR_NONE')).toThrow(
      expect.objectContaining({
        name: 'NetlinkError',
        code: 'ENOENT',
        asked: 'find the generic netlink family WEIR_NONE',
      }),
    );
  });
});
