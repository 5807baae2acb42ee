/**
 * A director between two networks, in a network namespace of the calling thread's own: frames are written to the far ends of
 * two veth pairs, and read there again. Nobody else is there.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import koffi from 'koffi';
import type { Side } from '../../src/core/model/host.ts';
import { ETHERNET_HEADER, sameBytes } from '../../src/core/packet/bytes.ts';
import { KernelError } from '../../src/kernel/errors.ts';
import { libc } from '../../src/kernel/libc.ts';
import { listLinks } from '../../src/kernel/netlink/link.ts';
import { frameOf } from './frames.ts';

/** linux/if_packet.h, bits/socket.h, linux/sched.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const MSG_DONTWAIT = 0x40;
const CLONE_NEWNET = 0x40000000;

/** The director's, by the side that its interfaces d0 and e0 look to. */
export const MACS: Readonly<Record<Side, Uint8Array>> = {
  public: Uint8Array.of(2, 0, 0, 0, 0, 0xd0),
  private: Uint8Array.of(2, 0, 0, 0, 0, 0xe0),
};

/** NOARP: nobody is there to be asked for a MAC address. */
const NETWORK = `link set lo up
link add d0 address 02:00:00:00:00:d0 arp off type veth peer name c0
link add e0 address 02:00:00:00:00:e0 arp off type veth peer name s0
link set c0 up
link set d0 up
link set s0 up
link set e0 up
addr add 203.0.113.1/24 dev d0
addr add 203.0.113.100/32 dev d0
addr add 192.168.1.1/24 dev e0
addr add 2001:db8:113::1/64 dev d0 nodad
addr add 2001:db8:113::100/128 dev d0 nodad
addr add fd00:192:168:1::1/64 dev e0 nodad
`;

/** Sets a parameter below net. */
export const sysctl = (name: string, value: string): void =>
  writeFileSync(`/proc/sys/net/${name.replaceAll('.', '/')}`, value);

/** This thread goes into a network namespace of its own, in which there is a director between two networks. */
export function enterNetwork(): void {
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) throw new KernelError('unshare', koffi.errno());
  sysctl('ipv6.conf.default.router_solicitations', '0');
  sysctl('ipv6.conf.default.accept_dad', '0');
  sysctl('ipv6.conf.all.forwarding', '1');
  sysctl('ipv4.ip_forward', '1');
  execFileSync('ip', ['-batch', '-'], {
    input: NETWORK,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
}

/** A far end: what is written to it comes in at the director, and what leaves the director there can be read. */
export interface End {
  send(packet: Uint8Array): void;
  /** As packets, without their Ethernet headers. */
  read(): Uint8Array[];
  readFrames(): Uint8Array[];
  close(): void;
}

/** Opens the far end of the director's interface with this MAC address. */
export function openEnd(far: string, mac: Uint8Array): End {
  // struct sockaddr_ll: family, protocol in network order, interface.
  const link = new Uint8Array(20);
  const view = new DataView(link.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  // By netlink: /sys shows the interfaces of the namespace that it was mounted in.
  view.setInt32(4, listLinks().find(({ name }) => name === far)!.ifindex, true);
  const fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
  libc().bind(fd, link);
  const buffer = new Uint8Array(70_000);
  const receive = (): Uint8Array | undefined => {
    try {
      return buffer.slice(0, libc().recv(fd, buffer, MSG_DONTWAIT));
    } catch (error) {
      if (error instanceof KernelError && error.code === 'EAGAIN') return undefined;
      throw error;
    }
  };
  const readFrames = (): Uint8Array[] => {
    const frames: Uint8Array[] = [];
    for (let frame = receive(); frame !== undefined; frame = receive())
      // What we have sent ourselves is seen here, too.
      if (sameBytes(frame.subarray(6, 12), mac)) frames.push(frame);
    return frames;
  };
  return {
    send: (packet) => libc().sendto(fd, frameOf(packet, mac), 0, link),
    read: () => readFrames().map((frame) => frame.subarray(ETHERNET_HEADER)),
    readFrames,
    close: () => libc().close(fd),
  };
}

/** What is neither ARP nor anything else but IP. */
export const isIp = (frame: Uint8Array): boolean => frame[0]! >> 4 === 4 || frame[0]! >> 4 === 6;
const NEIGHBOURS = [133, 134, 135, 136, 143];
/** What hosts say to each other by themselves over IPv6. */
export const isNoise = (packet: Uint8Array): boolean =>
  packet[0]! >> 4 === 6 && (packet[6] === 0 || (packet[6] === 58 && NEIGHBOURS.includes(packet[40]!)));
