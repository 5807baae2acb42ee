/**
 * The ip_vs plane under test: frames written to the far ends of two veth pairs, and read there again, in a network
 * namespace of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Side } from '../../src/core/model/host.ts';
import { sameBytes } from '../../src/core/packet/bytes.ts';
import { openIpvsPlane } from '../../src/dataplane/ipvs/plane.ts';
import { beyondIpvs } from '../../src/dataplane/ipvs/translate.ts';
import { endsOf } from './conversation.ts';
import type { OpenSubject, Sent, Subject } from './subject.ts';
import { enterNetwork, isIp, isNoise, MACS, openEnd, sysctl } from './veth-network.ts';

/** A test asks for what nobody can do to, or see of, the kernel's ip_vs; the message says what. */
export class Impossible extends Error {
  override readonly name = 'Impossible';
}

const impossible = (why: string) => (): never => {
  throw new Impossible(why);
};

/** Milliseconds in which something has to come of a packet. */
const PATIENCE = 15;

/** ip_vs adds its counters up every two seconds; a connection that it ends goes with the next tick of its timer. */
const LAG = 2_500;

const protocolOf = (packet: Uint8Array): number => packet[packet[0]! >> 4 === 6 ? 6 : 9]!;
const isIcmp = (packet: Uint8Array): boolean => [1, 58].includes(protocolOf(packet));
/** From the addresses on all is as it was. */
const isRouted = (packet: Uint8Array, forwarded: Uint8Array): boolean => {
  const from = packet[0]! >> 4 === 6 ? 8 : 12;
  return sameBytes(packet.subarray(from), forwarded.subarray(from));
};

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
    lag: LAG,
    close: () => {
      for (const end of Object.values(ends)) end.close();
      plane.destroy();
      rmSync(recordDir, { recursive: true, force: true });
    },
  };
};
