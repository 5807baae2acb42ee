import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../core/address/address.ts';
import type { Vip } from '../../core/model/host.ts';
import { decodeAddress, encodeAddress } from './address.ts';
import { attributeValue, decodeAttributes, encodeAttributes } from './attribute.ts';
import { LITTLE_ENDIAN, u32, viewOf, zeroTerminated } from './bytes.ts';
import { decodeLink } from './link.ts';
import type { Message } from './message.ts';
import { digestOf, lastingPart } from './route.ts';

const VIP: Vip = { address: parseAddress('203.0.113.100')!, length: 24, interface: 'eth0', label: 'eth0:0' };
const VIP6: Vip = { address: parseAddress('2001:db8::100')!, length: 64, interface: 'eth0' };

function messageOf(payload: Uint8Array): Message {
  return { type: 0, flags: 0, sequence: 0, port: 0, payload };
}

function withHeader(length: number, fill: (view: DataView) => void, tail: Uint8Array): Message {
  const payload = Uint8Array.from([...new Uint8Array(length), ...tail]);
  fill(viewOf(payload));
  return messageOf(payload);
}

describe('links', () => {
  it('have name, index, type, MTU and whether they are up', () => {
    const attributes = encodeAttributes([
      { type: 3, value: zeroTerminated('eth0') },
      { type: 4, value: u32(1500) },
    ]);
    const link = withHeader(
      16,
      (view) => {
        view.setUint16(2, 1, LITTLE_ENDIAN);
        view.setInt32(4, 7, LITTLE_ENDIAN);
        view.setUint32(8, 0x1003, LITTLE_ENDIAN);
      },
      attributes,
    );
    const value = { name: 'eth0', ifindex: 7, type: 1, mtu: 1500, up: true };
    expect(decodeLink(link)).toEqual({ ok: true, value });
  });

  it('without a name are a complaint', () => {
    expect(decodeLink(messageOf(new Uint8Array(16))).ok).toBe(false);
  });
});

describe('addresses', () => {
  it('are asked for as ip addr add does: no broadcast, the label, local and address alike', () => {
    const payload = encodeAddress(VIP, 4);
    expect([...payload.subarray(0, 4)]).toEqual([2, 24, 0, 0]);
    const attributes = decodeAttributes(payload, 8);
    expect(attributes.ok && attributes.value.map(({ type }) => type)).toEqual([2, 1, 3]);
    expect(decodeAddress(messageOf(payload))).toEqual({
      ok: true,
      value: { address: '203.0.113.100', length: 24, ifindex: 4, label: 'eth0:0', secondary: false },
    });
  });

  it('of IPv6 skip duplicate address detection and carry no label', () => {
    const payload = encodeAddress({ ...VIP6, label: 'eth0:0' }, 4);
    expect([...payload.subarray(0, 4)]).toEqual([10, 64, 0x02, 0]);
    const attributes = decodeAttributes(payload, 8);
    expect(attributes.ok && attributeValue(attributes.value, 3)).toBeUndefined();
  });

  it('of a point-to-point link are our end’s', () => {
    const attributes = encodeAttributes([
      { type: 1, value: Uint8Array.of(10, 0, 0, 2) },
      { type: 2, value: Uint8Array.of(10, 0, 0, 1) },
      { type: 8, value: u32(0x81) },
    ]);
    const message = withHeader(8, (view) => view.setUint8(0, 2), attributes);
    const result = decodeAddress(message);
    expect(result.ok && result.value).toMatchObject({ address: '10.0.0.1', secondary: true });
  });

  it('of other families are passed over', () => {
    expect(decodeAddress(withHeader(8, (view) => view.setUint8(0, 7), new Uint8Array()))).toEqual({
      ok: true,
      value: undefined,
    });
  });
});

describe('routes', () => {
  const attribute = (type: number, value: number) => encodeAttributes([{ type, value: u32(value) }]);

  it('keep nothing that changes by itself', () => {
    const aged = (age: number) =>
      lastingPart(
        messageOf(Uint8Array.from([...new Uint8Array(12), ...attribute(5, 1), ...attribute(12, age)])),
      );
    expect(aged(1)).toEqual(aged(2));
    const other = lastingPart(messageOf(Uint8Array.from([...new Uint8Array(12), ...attribute(5, 2)])));
    expect(other).not.toEqual(aged(1));
  });

  it('that were learnt for one destination are no routes', () => {
    const cloned = withHeader(12, (view) => view.setUint32(8, 0x200, LITTLE_ENDIAN), new Uint8Array());
    expect(lastingPart(cloned)).toEqual({ ok: true, value: undefined });
  });

  it('have a digest that knows no order but every entry', () => {
    const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
    expect(digestOf([a, b])).toBe(digestOf([b, a]));
    expect(digestOf([a])).not.toBe(digestOf([a, b]));
    expect(digestOf([a, a])).not.toBe(digestOf([a]));
  });
});

describe('every decoder', () => {
  it.each([
    ['links', decodeLink],
    ['addresses', decodeAddress],
    ['routes', lastingPart],
  ])('of %s never throws, whatever the payload', (_, decode) => {
    const families = fc.constantFrom(2, 10);
    fc.assert(
      fc.property(families, fc.uint8Array({ maxLength: 64 }), (family, rest) => {
        expect(decode(messageOf(Uint8Array.of(family, ...rest)))).toHaveProperty('ok');
      }),
    );
  });
});
