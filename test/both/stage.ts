/** Either plane between two networks of veth pairs: real frames in and out, real time. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlaneKind, Side } from '../../src/core/model/host.ts';
import { serviceKey, type VirtualService } from '../../src/core/model/service.ts';
import { openBpfPlane } from '../../src/dataplane/bpf/plane.ts';
import { openIpvsPlane } from '../../src/dataplane/ipvs/plane.ts';
import type { DataPlane } from '../../src/dataplane/port.ts';
import { CASE_LIMITS } from '../contract/case.ts';
import { enterNetwork, isIp, isNoise, MACS, openEnd, sysctl } from '../contract/veth-network.ts';
import { makePins, removePins } from '../support/pins.ts';

/** What came of a packet, or of some that belong together. */
export interface Came {
  /** What left by the other side, and what went back. */
  readonly there: readonly Uint8Array[];
  readonly back: readonly Uint8Array[];
}

/** A plane with its networks. */
export interface Stage {
  readonly plane: DataPlane;
  send(side: Side, packets: readonly Uint8Array[]): Came;
  publish(service: VirtualService): void;
  remove(service: VirtualService): void;
  /** Sets the switches that ip_vs has one of for all services as these want them. */
  switchTo(services: readonly VirtualService[]): void;
  close(): void;
}

/** Clients are behind the public network; the VIPs are the director's own. */
const ROUTES = `route add 198.51.100.0/24 dev d0
route add 2001:db8:51::/64 dev d0
route add local 203.0.113.128/25 dev lo
route add local 2001:db8:113:1::/64 dev lo
`;

/** Milliseconds in which something has to come of a packet, and in which there may be more of it. */
const PATIENCE = 100;
const MORE = 4;

const pause = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

function openPlane(kind: PlaneKind): { readonly plane: DataPlane; close(): void } {
  if (kind === 'ipvs') {
    const recordDir = mkdtempSync(join(tmpdir(), 'weir-both-'));
    const plane = openIpvsPlane({ recordDir });
    // As the director sets it.
    sysctl('ipv4.vs.expire_nodest_conn', '1');
    return {
      plane,
      close: () => {
        plane.destroy();
        rmSync(recordDir, { recursive: true, force: true });
      },
    };
  }
  const pinDir = makePins();
  const plane = openBpfPlane({ objectFile: 'dist/director.bpf.o', pinDir, limits: CASE_LIMITS });
  sysctl('ipv4.conf.lo.accept_local', '1');
  plane.attach({ name: 'd0', side: 'public' });
  plane.attach({ name: 'e0', side: 'private' });
  return {
    plane,
    close: () => {
      plane.destroy();
      plane.close();
      removePins(pinDir);
    },
  };
}

/** Opens a plane in a network namespace of this thread's own. */
export function openStage(kind: PlaneKind): Stage {
  enterNetwork();
  execFileSync('ip', ['-batch', '-'], { input: ROUTES, stdio: ['pipe', 'inherit', 'inherit'] });
  for (const name of ['all', 'd0', 'e0']) sysctl(`ipv4.conf.${name}.rp_filter`, '0');
  sysctl('ipv4.icmp_ratelimit', '0');
  sysctl('ipv6.icmp.ratelimit', '0');
  const { plane, close } = openPlane(kind);
  const ends = { public: openEnd('c0', MACS.public), private: openEnd('s0', MACS.private) };
  const read = (side: Side) => ends[side].read().filter((packet) => isIp(packet) && !isNoise(packet));
  return {
    plane,
    send: (side, packets) => {
      const other = side === 'public' ? 'private' : 'public';
      // What came late of an earlier one is no answer to this one.
      read(side);
      read(other);
      for (const packet of packets) ends[side].send(packet);
      const there = read(other);
      const back = read(side);
      const look = (): void => {
        there.push(...read(other));
        back.push(...read(side));
      };
      for (let waited = 0; waited < PATIENCE && there.length + back.length === 0; waited++) {
        pause(1);
        look();
      }
      if (packets.length > 1) {
        pause(MORE);
        look();
      }
      return { there, back };
    },
    publish: (service) => plane.publishService(service),
    remove: (service) => plane.removeService(serviceKey(service)),
    switchTo: (services) => {
      if (kind === 'bpf') return;
      const flag = (isOn: boolean): string => (isOn ? '1' : '0');
      sysctl('ipv4.vs.sloppy_tcp', flag(services.some((one) => one.sloppy_tcp)));
      const quiescent = services.some(({ persistence }) => persistence?.expire_quiescent_template);
      sysctl('ipv4.vs.expire_quiescent_template', flag(quiescent));
    },
    close: () => {
      for (const end of Object.values(ends)) end.close();
      close();
    },
  };
}
