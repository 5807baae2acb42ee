/**
 * Runs in the guest: plays segments of TCP connections to the kernel's ip_vs, from either side, and reads from its table
 * which state each connection has come to. Standard input: StatesQuestion; standard output: StatesAnswer.
 *
 * Clients' frames come in by one veth pair and servers' by another; what ip_vs sends on ends in a dummy interface.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAddress } from '../../src/core/address/address.ts';
import type { Direction } from '../../src/core/packet/state.ts';
import { libc } from '../../src/kernel/libc.ts';
import { frameOf, transportPacket } from '../contract/frames.ts';

/** A segment: who sends it, and its flags. */
export type Segment = readonly [direction: Direction, flags: number];

/** Connections, each by its segments, and the modes of ip_vs in which all of them are played. */
export interface StatesQuestion {
  readonly connections: readonly (readonly Segment[])[];
  readonly modes: readonly { readonly secure: boolean; readonly sloppy: boolean }[];
}

/** By mode and connection: the state, as /proc/net/ip_vs_conn has it; null where there is no connection. */
export type StatesAnswer = readonly (readonly (string | null)[])[];

/** linux/if_packet.h, bits/socket.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
/** ip_vs chooses its table once a second (DEFENSE_TIMER_PERIOD in ip_vs_ctl.c). */
const DEFENCE = 2_500;
/** Until timers that are due have gone off. */
const SETTLE = 500;
const READINGS = 3;
const FIRST_PORT = 2000;

const NETWORK = `link add c0 type veth peer name d0
link add s0 type veth peer name e0
link set c0 up
link set d0 up
link set s0 up
link set e0 up
link set dummy0 up
addr add 203.0.113.100/32 dev lo
addr add 192.0.2.1/32 dev lo
route add 0.0.0.0/0 dev dummy0
`;

const CLIENT = parseAddress('198.51.100.7')!;
const VIP = parseAddress('203.0.113.100')!;
const SERVER = parseAddress('10.0.0.1')!;

const sysctl = (name: string, value: string): void => writeFileSync(`/proc/sys/net/ipv4/${name}`, value);

const pause = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** What sends a packet in by one end of a veth pair. */
function sender(from: string, to: string): (packet: Uint8Array) => void {
  const index = Number(readFileSync(`/sys/class/net/${from}/ifindex`, 'utf8'));
  const mac = Uint8Array.from(
    readFileSync(`/sys/class/net/${to}/address`, 'utf8').trim().split(':'),
    (part) => Number.parseInt(part, 16),
  );
  const link = new Uint8Array(20);
  new DataView(link.buffer).setUint16(0, AF_PACKET, true);
  new DataView(link.buffer).setInt32(4, index, true);
  const fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
  return (packet) => void libc().sendto(fd, frameOf(packet, mac), 0, link);
}

function main(): void {
  const { connections, modes } = JSON.parse(readFileSync(0, 'utf8')) as StatesQuestion;
  execFileSync('ip', ['-batch', '-'], { input: NETWORK, stdio: ['pipe', 'inherit', 'inherit'] });
  sysctl('ip_forward', '1');
  for (const name of ['all', 'default', 'd0', 'e0']) sysctl(`conf/${name}/rp_filter`, '0');
  execFileSync('ipvsadm', ['-R'], {
    input: '-A -t 203.0.113.100:80 -s rr\n-a -t 203.0.113.100:80 -r 10.0.0.1:80 -m\n',
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const send = { in: sender('c0', 'd0'), out: sender('s0', 'e0') };
  const answer = modes.map(({ secure, sloppy }, mode) => {
    sysctl('vs/secure_tcp', secure ? '3' : '0');
    sysctl('vs/sloppy_tcp', sloppy ? '1' : '0');
    pause(DEFENCE);
    const portOf = (i: number): number => FIRST_PORT + mode * connections.length + i;
    for (const [i, segments] of connections.entries())
      for (const [direction, flags] of segments) {
        const client = { address: CLIENT, port: portOf(i) };
        const [source, target] =
          direction === 'in' ? [client, { address: VIP, port: 80 }] : [{ address: SERVER, port: 80 }, client];
        send[direction](
          transportPacket({
            protocol: 'tcp',
            source: source.address,
            sourcePort: source.port,
            target: target.address,
            targetPort: target.port,
            flags,
          }),
        );
      }
    // One that is replaced goes by its timer; and /proc leaves one out where another before it has just expired.
    pause(SETTLE);
    const table = Array.from({ length: READINGS }, () => readFileSync('/proc/net/ip_vs_conn', 'utf8')).join(
      '',
    );
    const rows = table.matchAll(/^TCP +\S+ (\S+) \S+ \S+ \S+ \S+ (\w+)/gm);
    const states = new Map(Array.from(rows, ([, port, state]) => [Number.parseInt(port!, 16), state!]));
    return connections.map((_, i) => states.get(portOf(i)) ?? null);
  });
  process.stdout.write(JSON.stringify(answer satisfies StatesAnswer));
}

main();
