/**
 * The ip_vs plane under test: frames written to the far ends of two veth pairs, and read there again. It wants a network
 * namespace of its own, as the guest's jobs have.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import type { Side } from '../../src/core/model/host.ts';
import { ETHERNET_HEADER, sameBytes } from '../../src/core/packet/bytes.ts';
import { openIpvsPlane } from '../../src/dataplane/ipvs/plane.ts';
import { beyondIpvs } from '../../src/dataplane/ipvs/translate.ts';
import { KernelError } from '../../src/kernel/errors.ts';
import { libc } from '../../src/kernel/libc.ts';
import { listLinks } from '../../src/kernel/netlink/link.ts';
import { endsOf } from './conversation.ts';
import { frameOf } from './frames.ts';
import type { OpenSubject, Sent, Subject } from './subject.ts';

/** A test asks for what nobody can do to, or see of, the kernel's ip_vs; the message says what. */
export class Impossible extends Error {
  override readonly name = 'Impossible';
}

const impossible = (why: string) => (): never => {
  throw new Impossible(why);
};

/** linux/if_packet.h, bits/socket.h, linux/sched.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const MSG_DONTWAIT = 0x40;
const CLONE_NEWNET = 0x40000000;

/** The director's. */
const MACS: Readonly<Record<Side, Uint8Array>> = {
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

const sysctl = (name: string, value: string): void =>
  writeFileSync(`/proc/sys/net/${name.replaceAll('.', '/')}`, value);

/** This thread goes into a network namespace of its own, in which there is a director between two networks. */
function enterNetwork(): void {
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
function openEnd(
  far: string,
  mac: Uint8Array,
): { send(packet: Uint8Array): void; read(): Uint8Array[]; close(): void } {
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
  return {
    send: (packet) => libc().sendto(fd, frameOf(packet, mac), 0, link),
    read: () => {
      const frames: Uint8Array[] = [];
      for (let frame = receive(); frame !== undefined; frame = receive())
        // What we have sent ourselves is seen here, too.
        if (sameBytes(frame.subarray(6, 12), mac)) frames.push(frame.subarray(ETHERNET_HEADER));
      return frames;
    },
    close: () => libc().close(fd),
  };
}

/** Milliseconds in which something has to come of a packet. */
const PATIENCE = 15;

const protocolOf = (packet: Uint8Array): number => packet[packet[0]! >> 4 === 6 ? 6 : 9]!;
const isIcmp = (packet: Uint8Array): boolean => [1, 58].includes(protocolOf(packet));
/** From the addresses on all is as it was. */
const isRouted = (packet: Uint8Array, forwarded: Uint8Array): boolean => {
  const from = packet[0]! >> 4 === 6 ? 8 : 12;
  return sameBytes(packet.subarray(from), forwarded.subarray(from));
};
const isIp = (frame: Uint8Array): boolean => frame[0]! >> 4 === 4 || frame[0]! >> 4 === 6;
const NEIGHBOURS = [133, 134, 135, 136, 143];
const isNoise = (packet: Uint8Array): boolean =>
  packet[0]! >> 4 === 6 && (packet[6] === 0 || (packet[6] === 58 && NEIGHBOURS.includes(packet[40]!)));

/** A subject that tells what the host's stack answers, too. */
export interface IpvsSubject extends Subject {
  /** What came back to the sender of the latest packet. */
  answers(): readonly Uint8Array[];
}

/** Opens the plane in a network of its own. Time passes by itself there, and nobody reaches into ip_vs's connections. */
export const openIpvsSubject = (..._: Parameters<OpenSubject>): IpvsSubject => {
  enterNetwork();
  const recordDir = mkdtempSync(join(tmpdir(), 'weir-ipvs-'));
  const plane = openIpvsPlane({ recordDir });
  for (const [name, value] of [
    ['ipv4.conf.all.rp_filter', '0'],
    ['ipv4.conf.d0.rp_filter', '0'],
    ['ipv4.conf.e0.rp_filter', '0'],
    ['ipv4.icmp_ratelimit', '0'],
    ['ipv4.vs.expire_nodest_conn', '1'],
  ] as const)
    sysctl(name, value);
  const ends = { public: openEnd('c0', MACS.public), private: openEnd('s0', MACS.private) };
  let refused = 0;
  let answers: readonly Uint8Array[] = [];
  const isToService = (packet: Uint8Array): boolean => {
    const { address, port } = endsOf(packet).target;
    return [...plane.observe().services.values()].some(
      (one) =>
        one.address === address &&
        (one.port === port || one.port === 0) &&
        (one.protocol === 'tcp') === (protocolOf(packet) === 6),
    );
  };
  const uncounted = impossible('ip_vs counts no verdicts');
  const read = (side: Side) => ends[side].read().filter((packet) => isIp(packet) && !isNoise(packet));
  const send = (side: Side, packet: Uint8Array): Sent => {
    ends[side].send(packet);
    const other = side === 'public' ? 'private' : 'public';
    // Mostly all is done when the frame has been sent; a busy kernel leaves some of it for later.
    let [there, back] = [read(other), read(side)];
    for (let look = 0; look < PATIENCE && there.length + back.length === 0; look++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      [there, back] = [read(other), read(side)];
    }
    answers = back;
    const [forwarded] = there;
    // The stack routes what ip_vs leaves to it.
    if (forwarded !== undefined)
      return { action: isRouted(packet, forwarded) ? 'NEXT' : 'REDIRECT', packet: forwarded, again: [] };
    const [answer] = back;
    // ip_vs refuses by ICMP; the stack by a reset, or by ICMP what is UDP and to no service.
    if (answer !== undefined && isIcmp(answer) && !isIcmp(packet) && isToService(packet)) {
      refused++;
      return { action: 'REDIRECT', packet: answer, again: [] };
    }
    return { action: 'NEXT', packet, again: [] };
  };
  return {
    plane: {
      ...plane,
      // The answers that it gave are all that can be known of what it did not forward.
      verdicts: () =>
        new Proxy(
          { no_server: refused },
          { get: (counts, name) => counts[name as 'no_server'] ?? uncounted() },
        ),
      publishService: (service) => {
        const beyond = beyondIpvs(service);
        if (beyond !== undefined) throw new Impossible(beyond);
        // Switches of all services, which the director sets as parameters of its host.
        if (service.sloppy_tcp) sysctl('ipv4.vs.sloppy_tcp', '1');
        if (service.persistence?.expire_quiescent_template) sysctl('ipv4.vs.expire_quiescent_template', '1');
        if (service.secure_tcp) impossible('secure_tcp takes effect some time within a second')();
        plane.publishService(service);
      },
      setForwarding: impossible('ip_vs forwards by the stack alone'),
    },
    send,
    answers: () => answers,
    leave: impossible('what leaves is the stack’s'),
    elapse: impossible('time is the kernel’s'),
    force: impossible('the state of a connection is the kernel’s'),
    takeOver: impossible('there is one ip_vs'),
    close: () => {
      for (const end of Object.values(ends)) end.close();
      plane.destroy();
      rmSync(recordDir, { recursive: true, force: true });
    },
  };
};
