/** One client, one service, one server: the packets between them, by hand. */
import { strict as assert } from 'node:assert';
import { type Address, addressFromBytes, type Endpoint } from '../../src/core/address/address.ts';
import type { Connection } from '../../src/core/model/connection.ts';
import type { VirtualService } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { read16 } from '../../src/core/packet/bytes.ts';
import type { ConnectionFilter } from '../../src/dataplane/port.ts';
import { checksumsAreRight, transportPacket } from './frames.ts';
import { at } from './site.ts';
import type { Sent, Subject } from './subject.ts';

export const FIN = 0x01;
export const SYN = 0x02;
export const SYN_ACK = 0x12;
export const ACK = 0x10;
export const FIN_ACK = 0x11;
export const RST = 0x04;

/** The addresses of the classic lab, by family. */
export const VIP = { 4: at('203.0.113.100'), 6: at('2001:db8:113::100') } as const;
export const CLIENT = { 4: at('203.0.113.10'), 6: at('2001:db8:113::10') } as const;
export const SERVERS = {
  4: ['192.168.1.101', '192.168.1.102', '192.168.1.103'].map(at),
  6: ['fd00:192:168:1::101', 'fd00:192:168:1::102', 'fd00:192:168:1::103'].map(at),
} as const;

/** A service at port 80 of a VIP, with servers at their port 8080, by their weights. */
export function serviceWith(
  weights: readonly number[],
  change: Partial<VirtualService> & { family?: 4 | 6 } = {},
): VirtualService {
  const { family = 4, ...rest } = change;
  return {
    protocol: 'tcp',
    address: VIP[family],
    port: 80,
    scheduler: 'rr',
    timeouts: DEFAULT_TIMEOUTS,
    servers: weights.map((weight, i) => ({ address: SERVERS[family][i]!, port: 8080, weight })),
    ...rest,
  };
}

/** Addresses and ports of an IP packet without options. */
export function endsOf(packet: Uint8Array): { source: Endpoint; target: Endpoint } {
  const isV6 = packet[0]! >> 4 === 6;
  const [address, width, ports] = isV6 ? [8, 16, 40] : [12, 4, 20];
  const end = (i: number): Endpoint => ({
    address: addressFromBytes(packet.subarray(address + i * width, address + (i + 1) * width)),
    port: read16(packet, ports + 2 * i),
  });
  return { source: end(0), target: end(1) };
}

/** A packet from the client to the service. */
export function request(
  subject: Subject,
  service: VirtualService,
  port: number,
  flags = SYN,
  more: { client?: Address; ttl?: number; payload?: Uint8Array } = {},
): Sent {
  const { client = CLIENT[service.address.includes(':') ? 6 : 4], ...rest } = more;
  const packet = transportPacket({
    protocol: service.protocol,
    source: client,
    sourcePort: port,
    target: service.address,
    targetPort: service.port,
    flags,
    ...rest,
  });
  return subject.send('public', packet);
}

/** What the server sends back to whom it has got a packet from. */
export function reply(subject: Subject, service: VirtualService, got: Uint8Array, flags = SYN_ACK): Sent {
  const { source, target } = endsOf(got);
  const packet = transportPacket({
    protocol: service.protocol,
    source: target.address,
    sourcePort: target.port,
    target: source.address,
    targetPort: source.port,
    flags,
  });
  return subject.send('private', packet);
}

/** A request that has to be forwarded; gives it as the server gets it, its checksums having been looked at. */
export function forwarded(sent: Sent): Uint8Array {
  assert.equal(sent.action, 'REDIRECT');
  assert.ok(checksumsAreRight(sent.packet), 'every checksum is right');
  return sent.packet;
}

/** Opens a TCP connection with its three packets; gives the first as the server got it. */
export function handshake(subject: Subject, service: VirtualService, port: number): Uint8Array {
  const got = forwarded(request(subject, service, port, SYN));
  forwarded(reply(subject, service, got, SYN_ACK));
  forwarded(request(subject, service, port, ACK));
  return got;
}

/** All live connections that pass the filter. */
export async function connections(subject: Subject, filter: ConnectionFilter = {}): Promise<Connection[]> {
  const all: Connection[] = [];
  for await (const chunk of subject.plane.connections(filter)) all.push(...chunk);
  return all;
}

/** Sweeps through the whole table; gives the number of connections that have expired. */
export function sweepAll(subject: Subject): number {
  let expired = 0;
  for (;;) {
    const report = subject.plane.sweep();
    assert.deepEqual(report.differences, [], 'counters equal a walk of the table');
    expired += report.expired;
    if (report.completed) return expired;
  }
}
