/** An event → the frame that comes in, once it is known which server a conversation has. */
import { addressFromBytes, type Endpoint, type Family, familyOf } from '../../src/core/address/address.ts';
import { ETHERNET_HEADER, read16, write16 } from '../../src/core/packet/bytes.ts';
import { changedChecksum, checksumOf } from '../../src/core/packet/checksum.ts';
import { findConnection } from '../../src/core/packet/connection.ts';
import { TCP, UDP } from '../../src/core/packet/parse.ts';
import type { World } from '../../src/core/packet/world.ts';
import { SERVICES } from './event-services.ts';
import {
  CLIENTS,
  type Conversation,
  type Damage,
  type Event,
  EXTENSIONS,
  type Fragment,
  type IcmpError,
  PORTS,
  type Segment,
  targetOf,
} from './events.ts';
import {
  addressBytes,
  fragmentsOf,
  frameOf,
  icmpPacket,
  joined,
  type Transport,
  transportPacket,
} from './frames.ts';

/** What packets carry: as much of it as they have room for. */
const PAYLOAD = Uint8Array.from({ length: 8192 }, (_, i) => i & 0xff);

/** A test run refuses frames without a whole IP header (net/bpf/test_run.c); they are filled up with zeroes. */
function fillUp(frame: Uint8Array): Uint8Array {
  const header = { 2048: 20, 34525: 40 }[read16(frame, 12)] ?? 1;
  const missing = ETHERNET_HEADER + header - frame.length;
  return missing > 0 ? joined(frame, new Uint8Array(missing)) : frame;
}

/** The ends of a conversation, and the server's side of it as far as the world knows it. */
function endsOf(world: World, { service: number, client, port }: Conversation) {
  const { protocol, servers } = SERVICES[number]!;
  const service = { protocol, servers, ...targetOf(SERVICES[number]!, client, port) };
  const source = CLIENTS[familyOf(service.address)][client]!;
  const sourcePort = PORTS[port]!;
  const found = findConnection(
    world,
    {
      protocol: service.protocol === 'tcp' ? TCP : UDP,
      source: addressBytes(source),
      sourcePort,
      target: addressBytes(service.address),
      targetPort: service.port,
    },
    'in',
  );
  return {
    service,
    client: { address: source, port: sourcePort },
    server: found
      ? { address: addressFromBytes(found.server.address), port: found.serverPort }
      : service.servers[0]!,
    seenPort: found?.seenPort ?? sourcePort,
  };
}

/** The conversation's packet as it comes in by a side, and as it is expected to leave. */
function packetOf(
  world: World,
  event: Omit<Segment, 'kind' | 'options' | 'toZero' | 'damage'>,
): { incoming: Transport; outgoing: Transport } {
  const { service, client, server, seenPort } = endsOf(world, event);
  const content = {
    protocol: service.protocol,
    flags: event.flags,
    ttl: event.ttl,
    dontFragment: event.dontFragment,
    payload: PAYLOAD.subarray(0, event.payload),
  };
  const fromTo = (source: Endpoint, target: Endpoint): Transport => ({
    ...content,
    source: source.address,
    sourcePort: source.port,
    target: target.address,
    targetPort: target.port,
  });
  const seen = { ...client, port: seenPort };
  return event.side === 'public'
    ? { incoming: fromTo(client, service), outgoing: fromTo(seen, server) }
    : { incoming: fromTo(server, seen), outgoing: fromTo(service, client) };
}

/** Addresses and ports: what forwarding changes under the transport's checksum. */
const covered = (packet: Uint8Array): Uint8Array =>
  packet[0]! >> 4 === 6 ? packet.slice(8, 44) : packet.slice(12, 24);

/** Writes the checksum that becomes 0 as `incoming` becomes `outgoing`. */
function sumToZero(incoming: Uint8Array, outgoing: Uint8Array): void {
  const isV6 = incoming[0]! >> 4 === 6;
  const within = incoming[isV6 ? 6 : 9] === TCP ? 16 : 6;
  write16(incoming, (isV6 ? 40 : 20) + within, changedChecksum(0, covered(outgoing), covered(incoming)));
}

function writeSegment(world: World, event: Segment): Uint8Array {
  const { incoming, outgoing } = packetOf(world, event);
  const plain = transportPacket(incoming);
  if (event.toZero) sumToZero(plain, transportPacket(outgoing));
  if (event.options === 0) return plain;
  if (familyOf(incoming.source) === 4) {
    const options = new Uint8Array(4 * Math.min(10, event.options)).fill(1);
    return transportPacket({ ...incoming, options });
  }
  return withExtensions(
    plain,
    EXTENSIONS[event.options] ?? [{ kind: event.options, units: 1, word: 0x0104 }],
  );
}

/** An IPv6 packet with extension headers (RFC 8200, 4): padding, or a word at their third byte. */
function withExtensions(
  plain: Uint8Array,
  headers: readonly { readonly kind: number; readonly units: number; readonly word?: number }[],
): Uint8Array {
  const kinds = [...headers.map(({ kind }) => kind), plain[6]!];
  const bytes = headers.map(({ kind, units, word }, i) => {
    const header = new Uint8Array(8 * units);
    header.set([kinds[i + 1]!, units - 1]);
    if (word !== undefined) write16(header, 2, word);
    // PadN over the rest (RFC 8200, 4.2).
    else if (kind === 0 || kind === 60) header.set([1, Math.min(255, header.length - 4)], 2);
    return header;
  });
  const extended = joined(plain.subarray(0, 40), ...bytes, plain.subarray(40));
  extended[6] = kinds[0]!;
  write16(extended, 4, extended.length - 40);
  return extended;
}

function writePiece(world: World, event: Fragment): Uint8Array {
  const payload = 3 * event.size;
  const { incoming } = packetOf(world, { ...event, payload });
  const options = new Uint8Array(4 * event.options).fill(1);
  const isV6 = familyOf(incoming.source) === 6;
  const whole = transportPacket(isV6 ? incoming : { ...incoming, options });
  const pieces = fragmentsOf(whole, event.id, event.size, event.options);
  return pieces[event.piece]!;
}

/** From the public side an error is about a reply that the client was sent, from the private one about a request. */
function writeError(world: World, event: IcmpError): Uint8Array {
  const { service, client, server, seenPort } = endsOf(world, event);
  const inside: Transport =
    event.side === 'public'
      ? {
          protocol: service.protocol,
          source: service.address,
          sourcePort: service.port,
          target: client.address,
          targetPort: client.port,
        }
      : {
          protocol: service.protocol,
          source: client.address,
          sourcePort: seenPort,
          target: server.address,
          targetPort: server.port,
        };
  const whole = transportPacket({ ...inside, flags: 0x10, payload: new Uint8Array(24) });
  const [first, later] = event.part === 'whole' ? [] : fragmentsOf(whole, event.id, 24);
  const quoted = { whole, first, later }[event.part]!;
  const from = event.side === 'public' ? client.address : server.address;
  return icmpPacket(
    { source: from, target: inside.source },
    event.type,
    event.code,
    quoted.subarray(0, event.quoted),
  );
}

/** The transport's checksum in a frame that begins with a plain header; where it is not, some other bytes. */
function checksumOffset(frame: Uint8Array): number {
  const family: Family = frame[ETHERNET_HEADER]! >> 4 === 6 ? 6 : 4;
  const protocol = frame[ETHERNET_HEADER + (family === 4 ? 9 : 6)];
  const within = protocol === TCP ? 16 : protocol === UDP ? 6 : 2;
  return ETHERNET_HEADER + (family === 4 ? 20 : 40) + within;
}

function put16(frame: Uint8Array, offset: number, value: number): void {
  if (offset + 2 <= frame.length) write16(frame, offset, value);
}

function inflict(frame: Uint8Array, damage: Damage): Uint8Array {
  const isV6 = frame[ETHERNET_HEADER]! >> 4 === 6;
  switch (damage.kind) {
    case 'set':
      if (damage.offset < frame.length) frame[damage.offset] = damage.byte;
      if (damage.recompute && !isV6 && frame.length >= ETHERNET_HEADER + 20) {
        put16(frame, ETHERNET_HEADER + 10, 0);
        const header = frame.subarray(ETHERNET_HEADER, ETHERNET_HEADER + 20);
        put16(frame, ETHERNET_HEADER + 10, checksumOf(header));
      }
      return frame;
    case 'xor':
      if (damage.offset < frame.length) frame[damage.offset]! ^= damage.byte;
      return frame;
    case 'truncate':
      return frame.slice(0, damage.length);
    case 'pad':
      return joined(frame, new Uint8Array(damage.count).fill(0xee));
    case 'checksum':
      put16(frame, checksumOffset(frame), damage.value);
      return frame;
    case 'length':
      put16(frame, ETHERNET_HEADER + (isV6 ? 4 : 2), damage.value);
      return frame;
    case 'gso':
      if (damage.lengthless) put16(frame, ETHERNET_HEADER + (isV6 ? 4 : 2), 0);
      return frame;
  }
}

/** The frame of an event, and whether the kernel is to take it for one that it will cut into segments. */
export function writeFrame(
  world: World,
  event: Exclude<
    Event,
    { kind: 'wait' | 'routes' | 'forwarding' | 'takes_new' | 'elder' | 'sweep' | 'health' }
  >,
  mac: Uint8Array,
): { frame: Uint8Array; gso: boolean } {
  if (event.kind === 'noise') {
    const type = event.family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
    return { frame: fillUp(Uint8Array.of(...mac, 2, 0, 0, 0, 0, 9, ...type, ...event.bytes)), gso: false };
  }
  const packet =
    event.kind === 'segment'
      ? writeSegment(world, event)
      : event.kind === 'fragment'
        ? writePiece(world, event)
        : writeError(world, event);
  return {
    frame: fillUp(event.damage.reduce(inflict, frameOf(packet, mac))),
    gso: event.damage.some(({ kind }) => kind === 'gso'),
  };
}
