/** Whole IP packets out of user space, by the host's routes: raw(7) with IPPROTO_RAW, which implies that the header is ours. */
import type { Address, Family } from '../core/address/address.ts';
import { socketAddress } from './connector.ts';
import { libc } from './libc.ts';

const AF = { 4: 2, 6: 10 } as const;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
/** Programs that we start must not inherit the descriptor. */
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;

/** A socket that sends packets as they are; close it. */
export interface RawPackets {
  /** Sends a packet, from its IP header on, towards `to`. Throws a `KernelError`: without a way there, or when a rule of the host forbids it. */
  send(packet: Uint8Array, to: Address): void;
  close(): void;
}

/** Opens one for a family; throws a `KernelError`, EPERM without CAP_NET_RAW. */
export function openRawPackets(family: Family): RawPackets {
  const calls = libc();
  const fd = calls.socket(AF[family], SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
  return {
    send: (packet, to) => calls.sendto(fd, packet, 0, socketAddress({ address: to, port: 0 })),
    close: () => calls.close(fd),
  };
}
