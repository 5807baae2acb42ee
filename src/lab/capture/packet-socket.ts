/** A packet socket: a copy of every frame that comes or goes by any interface of this namespace. */
import koffi from 'koffi';

/** A frame and where it was seen. */
export interface Frame {
  readonly interface: string;
  readonly direction: 'in' | 'out';
  /** From the Ethernet header on; valid until the next call. */
  readonly bytes: Buffer;
}

/** linux/if_packet.h, linux/if_ether.h, bits/socket.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const PACKET_OUTGOING = 4;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
/** sizeof(struct sockaddr_ll). */
const addressSize = 20;

/**
 * Opens the socket; needs CAP_NET_RAW, and throws an Error without. `read` gives the next frame, or undefined when
 * there is none at present.
 */
export function openPacketSocket(): { read(): Frame | undefined } {
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const recvfrom = libc.func(
    'int64_t recvfrom(int fd, _Out_ uint8_t *into, size_t length, int flags, _Out_ uint8_t *from, _Inout_ uint32_t *size)',
  );
  const nameOf = libc.func('char *if_indextoname(uint32_t index, _Out_ uint8_t *name)');
  const networkOrder = ((ETH_P_ALL & 0xff) << 8) | (ETH_P_ALL >> 8);
  const fd = socket(AF_PACKET, SOCK_RAW, networkOrder) as number;
  if (fd < 0) throw new Error(`socket(AF_PACKET) failed with errno ${koffi.errno()}; it needs CAP_NET_RAW`);
  const buffer = Buffer.alloc(65_536);
  const from = Buffer.alloc(addressSize);
  const names = new Map<number, string>();
  const interfaceName = (index: number): string => {
    const known = names.get(index) ?? (nameOf(index, Buffer.alloc(16)) as string | null) ?? `if${index}`;
    names.set(index, known);
    return known;
  };
  return {
    read() {
      const length = Number(
        recvfrom(fd, buffer, buffer.length, MSG_DONTWAIT, from, [addressSize] as [number]),
      );
      if (length < 0) {
        if (koffi.errno() === EAGAIN) return undefined;
        throw new Error(`recvfrom of a packet socket failed with errno ${koffi.errno()}`);
      }
      // struct sockaddr_ll: family, protocol, ifindex at 4, hatype, pkttype at 10.
      const direction = from[10] === PACKET_OUTGOING ? 'out' : 'in';
      return { interface: interfaceName(from.readInt32LE(4)), direction, bytes: buffer.subarray(0, length) };
    },
  };
}
