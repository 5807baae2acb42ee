import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes, networkOf } from '../address/address.ts';
import { overlap, type PortRange, sortRanges } from './ports.ts';
import { isOnePort, parseServiceKey, type ServiceName, serviceKey } from './service.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(0, 0, 1, 99))
  .map(([first, more]): PortRange => ({ first, last: Math.min(65_535, first + more) }));
const ranges = fc
  .array(range, { minLength: 1, maxLength: 6 })
  .map((all) => sortRanges(all.filter((one, i) => !all.slice(0, i).some((other) => overlap(one, other)))));

const name: fc.Arbitrary<ServiceName> = fc
  .record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    bytes: fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    ),
    length: fc.option(fc.integer({ min: 1, max: 31 }), { nil: undefined }),
    ports: fc.option(ranges, { nil: undefined }),
    port: fc.nat(65_535),
  })
  .map(({ protocol, bytes, length, ports, port }) => {
    const address = addressFromBytes(bytes);
    const several = ports === undefined || isOnePort(ports) ? undefined : ports;
    return {
      protocol,
      address: length === undefined ? address : networkOf({ address, length }).address,
      port: several?.[0]?.first ?? port,
      ...(several && { ports: several }),
      ...(length !== undefined && { prefix_length: length }),
    };
  });

describe('the key of a service', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(name, (one) => {
        expect(parseServiceKey(serviceKey(one))).toEqual(one);
        expect(parseServiceKey(serviceKey(one).replace(' ', '/'))).toEqual(one);
      }),
    );
  });

  it.each([
    ['tcp 203.0.113.100:80', { address: '203.0.113.100', port: 80 }],
    [
      'tcp/203.0.113.100:443,80',
      {
        ports: [
          { first: 80, last: 80 },
          { first: 443, last: 443 },
        ],
        port: 80,
      },
    ],
    ['tcp 203.0.113.0/28:8000-8100', { prefix_length: 28, ports: [{ first: 8000, last: 8100 }] }],
    ['udp [2001:db8::/64]:53', { address: '2001:db8::', prefix_length: 64, port: 53 }],
    ['tcp 203.0.113.100/32:80-80', { address: '203.0.113.100', port: 80 }],
    ['sctp 203.0.113.100:2905', { protocol: 'sctp', port: 2905 }],
    ['fwmark 7', { protocol: 'fwmark', fwmark: 7, address: '0.0.0.0', port: 0 }],
    ['fwmark/4294967295/ipv6', { fwmark: 4_294_967_295, address: '::' }],
  ])('%s', (text, expected) => expect(parseServiceKey(text)).toMatchObject(expected));

  it.each([
    'tcp 203.0.113.100',
    'tcp 203.0.113.100:',
    'tcp 203.0.113.100:80,',
    'tcp 203.0.113.100:80,80',
    'tcp 203.0.113.100:8100-8000',
    'tcp 203.0.113.100:80,0',
    'tcp 203.0.113.100:65536',
    'tcp 203.0.113.5/28:80',
    'tcp 203.0.113.0/33:80',
    'tcp 2001:db8::/64:80',
    'tcp [203.0.113.0/28]:80',
    'fwmark 0',
    'fwmark 4294967296',
    'fwmark 7 IPv4',
    'fwmark 203.0.113.100:80',
    'icmp 203.0.113.100:80',
  ])('%s is none', (text) => expect(parseServiceKey(text)).toBeUndefined());
});
