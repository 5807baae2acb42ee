import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressBytes,
  addressFromBytes,
  formatEndpoint,
  formatPrefix,
  networkOf,
  parseAddress,
  parseEndpoint,
  parsePrefix,
} from './address.ts';

const anyAddress = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => addressFromBytes(bytes));

describe('address', () => {
  it('reads strict notation only', () => {
    for (const wrong of [
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '256.1.1.1',
      '0x7f.1',
      'fe80::1%eth0',
      ':::',
      '',
      'host',
    ])
      expect(parseAddress(wrong), wrong).toBeUndefined();
    expect(parseAddress('2001:DB8:0:0::1')).toBe('2001:db8::1');
  });

  it('goes through bytes and text unchanged', () => {
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 1, max: 65535 }), (address, port) => {
        expect(addressFromBytes(addressBytes(address))).toBe(address);
        expect(parseAddress(address)).toBe(address);
        expect(parseEndpoint(formatEndpoint({ address, port }))).toEqual({ address, port });
      }),
    );
  });

  it('clears host bits to find the network', () => {
    const network = (text: string) => formatPrefix(networkOf(parsePrefix(text)!));
    expect(network('203.0.113.100/24')).toBe('203.0.113.0/24');
    expect(network('203.0.113.100/31')).toBe('203.0.113.100/31');
    expect(network('2001:db8:ffff::1/33')).toBe('2001:db8:8000::/33');
    expect(network('1.2.3.4/0')).toBe('0.0.0.0/0');
  });

  it('refuses prefixes longer than the address', () => {
    expect(parsePrefix('1.2.3.4/33')).toBeUndefined();
    expect(parsePrefix('::1/129')).toBeUndefined();
    expect(parsePrefix('1.2.3.4/-1')).toBeUndefined();
    expect(parsePrefix('1.2.3.4/1/2')).toBeUndefined();
  });
});
