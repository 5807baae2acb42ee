/** Sends whole Ethernet frames through a packet socket: what no ordinary socket would send. */
import { readFileSync } from 'node:fs';
import type { FramesOptions, FramesResult } from './wire.ts';

/** linux/if_packet.h and linux/if_ether.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCKADDR_LL_LENGTH = 20;
const ETHERNET_HEADER = 14;

/** The interface's number, which /sys would only tell in the namespace that mounted it. */
function interfaceIndex(name: string, indexOf: (name: string) => unknown): number {
  const index = Number(indexOf(name));
  if (index > 0) return index;
  throw new Error(`no interface ${name} here:\n${readFileSync('/proc/net/dev', 'utf8')}`);
}

/** Sends the frames in order; a RangeError for one that is too short. */
export async function runFrames(options: FramesOptions): Promise<FramesResult> {
  const frames = options.frames.map((hex) => Buffer.from(hex, 'hex'));
  for (const frame of frames)
    if (frame.length < ETHERNET_HEADER)
      throw new RangeError(`a frame of ${frame.length} bytes has no header`);
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const indexOf = libc.func('uint32_t if_nametoindex(const char *name)');
  const sendto = libc.func(
    'int64_t sendto(int fd, const void *buf, size_t len, int flags, const void *addr, uint32_t addrlen)',
  );
  const close = libc.func('int close(int fd)');
  // struct sockaddr_ll: family, protocol, index, type, packet type, address length, address (packet(7)).
  const address = Buffer.alloc(SOCKADDR_LL_LENGTH);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(interfaceIndex(options.interface, indexOf), 4);
  const fd = socket(AF_PACKET, SOCK_RAW, 0) as number;
  if (fd < 0) throw new Error(`socket(AF_PACKET) failed with errno ${koffi.errno()}; it needs CAP_NET_RAW`);
  let sent = 0;
  for (const frame of frames)
    if (Number(sendto(fd, frame, frame.length, 0, address, address.length)) === frame.length) sent += 1;
  close(fd);
  return { sent };
}
