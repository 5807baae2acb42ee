/** The wires of a director in the guest: frames written to their far ends, and what the director sends there, MAC addresses and all. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Side } from '../../../src/core/model/host.ts';
import { ETHERNET_HEADER, read16 } from '../../../src/core/packet/bytes.ts';
import { libc } from '../../../src/kernel/libc.ts';
import { listLinks } from '../../../src/kernel/netlink/link.ts';
import { frameOf } from '../../contract/frames.ts';
import { isIp, isNoise, MACS, openEnd } from '../../contract/veth-network.ts';

/** linux/if_packet.h, linux/virtio_net.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;

/** Milliseconds in which something has to come of a packet, on a machine that has much else to do. */
const PATIENCE = 10_000;

/** MAC addresses of everyone at the wires, by IP address. */
const NEIGHBOURS: readonly (readonly [address: string, mac: string])[] = [
  ['203.0.113.10', '02:00:00:00:02:0a'],
  ['203.0.113.254', '02:00:00:00:02:fe'],
  ['2001:db8:113::10', '02:00:00:00:06:0a'],
  ['192.168.1.101', '02:00:00:00:01:65'],
  ['192.168.1.102', '02:00:00:00:01:66'],
  ['192.168.1.254', '02:00:00:00:01:fe'],
  ['fd00:192:168:1::101', '02:00:00:00:07:65'],
  ['fd00:192:168:1::254', '02:00:00:00:07:fe'],
];

/** The MAC address of someone at the wires. */
export const macOf = (address: string): string => {
  const [, mac] = NEIGHBOURS.find(([one]) => one === address) ?? [];
  if (mac === undefined) throw new Error(`nobody has the address ${address}`);
  return mac;
};

/** Clients come over a router, too, and so do servers to which tunnels lead. No device completes checksums: they are to be seen. */
const NETWORK = `link add d0 address 02:00:00:00:00:d0 type veth peer name c0
link add e0 address 02:00:00:00:00:e0 type veth peer name s0
link set c0 up
link set d0 up
link set s0 up
link set e0 up
addr add 203.0.113.1/24 dev d0
addr add 192.168.1.1/24 dev e0
addr add 2001:db8:113::1/64 dev d0 nodad
addr add fd00:192:168:1::1/64 dev e0 nodad
route add 198.51.0.0/16 via 203.0.113.254
route add 10.9.0.0/16 via 192.168.1.254
route add fd00:9::/64 via fd00:192:168:1::254
${NEIGHBOURS.map(([address, mac]) => `neigh add ${address} lladdr ${mac} dev ${/^(203|2001)/.test(address) ? 'd0' : 'e0'} nud permanent`).join('\n')}
`;

/** Something that the director has sent. */
export interface Seen {
  /** By which of its interfaces. */
  readonly side: Side;
  /** The MAC address that it is sent to. */
  readonly to: string;
  readonly packet: Uint8Array;
}

/** The far ends of both wires. */
export interface Wires {
  /** Sends a packet in, and waits for the one that the director makes of it; more than one is a failure. */
  pass(side: Side, packet: Uint8Array): Promise<Seen>;
  /** The same for a packet of a client whose transport checksum its device is yet to complete: where it starts, and its place from there. */
  passUnfinished(packet: Uint8Array, start: number, offset: number): Promise<Seen>;
  /** Sends a packet in of which nothing is to be seen until something has come of what is passed next. */
  swallow(side: Side, packet: Uint8Array): void;
}

const macText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');
const IGMP = 2;

/** Makes the wires, and opens their far ends. */
export function openWires(): Wires {
  execFileSync('ip', ['-batch', '-'], { input: NETWORK, stdio: ['pipe', 'inherit', 'inherit'] });
  for (const name of ['d0', 'e0']) execFileSync('ethtool', ['-K', name, 'tx', 'off'], { stdio: 'ignore' });
  const ends = { public: openEnd('c0', MACS.public), private: openEnd('s0', MACS.private) };
  const link = new Uint8Array(20);
  new DataView(link.buffer).setUint16(0, AF_PACKET, true);
  new DataView(link.buffer).setInt32(4, listLinks().find(({ name }) => name === 'c0')!.ifindex, true);
  const unfinished = libc().socket(AF_PACKET, SOCK_RAW, 0);
  libc().setsockopt(unfinished, SOL_PACKET, PACKET_VNET_HDR, Uint8Array.of(1, 0, 0, 0));

  const look = (): Seen[] =>
    (['public', 'private'] as const).flatMap((side) =>
      ends[side]
        .readFrames()
        .map((frame) => ({
          side,
          to: macText(frame.subarray(0, 6)),
          packet: frame.subarray(ETHERNET_HEADER),
        }))
        .filter(
          ({ packet }) => isIp(packet) && !isNoise(packet) && !(packet[0]! >> 4 === 4 && packet[9] === IGMP),
        ),
    );
  const passBy = async (send: () => void): Promise<Seen> => {
    const before = look();
    assert.deepEqual(before.map(describe), [], 'nothing comes of itself');
    send();
    const end = Date.now() + PATIENCE;
    for (let all = look(); ; all = look()) {
      const [one, ...more] = all;
      assert.deepEqual(more.map(describe), [], 'one packet comes of one');
      if (one !== undefined) return one;
      if (Date.now() > end) assert.fail('nothing came of a packet');
      await pause(1);
    }
  };
  return {
    pass: (side, packet) => passBy(() => ends[side].send(packet)),
    passUnfinished: (packet, start, offset) => {
      // struct virtio_net_hdr, in the machine's own order of bytes.
      const header = new Uint8Array(10);
      const view = new DataView(header.buffer);
      view.setUint8(0, VIRTIO_NET_HDR_F_NEEDS_CSUM);
      view.setUint16(6, ETHERNET_HEADER + start, true);
      view.setUint16(8, offset, true);
      const frame = Buffer.concat([header, frameOf(packet, MACS.public)]);
      return passBy(() => libc().sendto(unfinished, frame, 0, link));
    },
    swallow: (side, packet) => ends[side].send(packet),
  };
}

/** For a message: where it went, and what it begins with. */
function describe({ side, to, packet }: Seen): string {
  return `${side} to ${to}: ${read16(packet, 2)}, ${Buffer.from(packet.subarray(0, 60)).toString('hex')}`;
}
