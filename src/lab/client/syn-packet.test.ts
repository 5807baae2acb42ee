import { expect, it } from 'vitest';
import { internetChecksum, synPacket } from './syn-packet.ts';

it('the checksum is the one of RFC 1071, section 3', () => {
  expect(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
});

it('a SYN carries its addresses and a TCP checksum that adds up', () => {
  const packet = synPacket({
    source: '198.51.100.7',
    sourcePort: 4711,
    destination: '203.0.113.100',
    destinationPort: 80,
    sequence: 0xfedcba98,
  });
  expect(packet.toString('hex', 12, 24)).toBe('c6336407cb00716412670050');
  expect(packet[33]).toBe(2);
  const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 6, 0, 20])]);
  expect(internetChecksum(pseudo, packet.subarray(20))).toBe(0);
});
