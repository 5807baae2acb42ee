import { expect, it } from 'vitest';
import { synPacket } from '../client/syn-packet.ts';
import { parseSegment } from './segment.ts';

const syn = {
  source: '203.0.113.10',
  sourcePort: 40_001,
  destination: '203.0.113.100',
  destinationPort: 80,
  sequence: 0xfedcba98,
};

function frameOf(packet: Buffer, etherType = 0x0800): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt16BE(etherType, 12);
  return Buffer.concat([header, packet]);
}

it('reads addresses, ports, TTL, sequence and length of payload', () => {
  expect(parseSegment(frameOf(synPacket(syn)))).toEqual({ ...syn, ttl: 64, length: 0 });
  const longer = Buffer.concat([synPacket(syn), Buffer.from('hello')]);
  longer.writeUInt16BE(45, 2);
  expect(parseSegment(frameOf(longer))?.length).toBe(5);
});

it('leaves alone what is not a whole TCP segment over IPv4', () => {
  const udp = synPacket(syn);
  udp[9] = 17;
  expect(parseSegment(frameOf(udp))).toBeUndefined();
  expect(parseSegment(frameOf(synPacket(syn), 0x86dd))).toBeUndefined();
  expect(parseSegment(frameOf(synPacket(syn)).subarray(0, 40))).toBeUndefined();
});
