import { describe, expect, it } from 'vitest';
import { parseAddress } from '../core/address/address.ts';
import { addressText } from './label.ts';
import { formatCounter, parseInteger } from './numbers.ts';
import { sortServers } from './order.ts';
import { parseConnection } from './render-rest.ts';
import { parseLooseIpv4 } from './target.ts';

describe('numbers', () => {
  it('are shortened from a hundred million on', () => {
    const show = (value: bigint) => formatCounter(value, false);
    expect(show(0n)).toBe('        0');
    expect(show(99_999_999n)).toBe(' 99999999');
    expect(show(100_000_000n)).toBe('  100000K');
    expect(show(99_999_999_999n)).toBe(' 99999999K');
    expect(show(100_000_000_000n)).toBe('  100000M');
    expect(show(100_000_000_000_000n)).toBe('  100000G');
    expect(show(100_000_000_000_000_000n)).toBe('  100000T');
    expect(formatCounter(123_456_789_012n, true)).toBe(' 123456789012');
  });

  it('are read as strtol(3) does', () => {
    expect([' 7', '+7', '010', '7 ', '', '0x7', '-1', '8'].map((text) => parseInteger(text, 0, 10))).toEqual([
      7,
      7,
      10,
      undefined,
      undefined,
      undefined,
      undefined,
      8,
    ]);
  });
});

describe('addresses', () => {
  it('of IPv4 are read as inet_aton(3) does', () => {
    expect(
      ['1.2.3', '0x01020304', '010.1.1.1', '1.2.3.4 x', '1.2.3.4.5', '256.1.1.1', '', '1..2'].map(
        parseLooseIpv4,
      ),
    ).toEqual(['1.2.0.3', '1.2.3.4', '8.1.1.1', '1.2.3.4', undefined, undefined, undefined, undefined]);
  });

  it('of IPv6 are written as inet_ntop(3) does', () => {
    expect(
      ['::8000:1', '::2', '::1:0:0:1', '2001:db8::1'].map((text) => addressText(parseAddress(text)!)),
    ).toEqual(['::128.0.0.1', '::2', '::1:0:0:1', '2001:db8::1']);
  });

  it('are sorted by the sign of their difference in 32 bits', () => {
    const servers = ['1.0.0.1', '200.0.0.1', '10.0.0.2', '10.0.0.1'].map((text) => ({
      address: parseAddress(text)!,
      port: 80,
    }));
    expect(sortServers(servers).map(({ address }) => address)).toEqual([
      '200.0.0.1',
      '1.0.0.1',
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });
});

describe('parseConnection', () => {
  it('reads lines of /proc/net/ip_vs_conn', () => {
    expect(
      parseConnection('Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData'),
    ).toBeUndefined();
    expect(
      parseConnection('UDP 09090907 98FE 09090907 13C4 7F000001 13CA NONE            359 sip a b@1.2.3.4'),
    ).toEqual({
      protocol: 'UDP',
      client: { address: '9.9.9.7', port: 39166 },
      virtual: { address: '9.9.9.7', port: 5060 },
      server: { address: '127.0.0.1', port: 5066 },
      state: 'NONE',
      expires: 359,
      engine: { name: 'sip', data: 'a b@1.2.3.4' },
    });
  });
});
