/** What BPF_PROG_TEST_RUN of a tc program needs: an interface to come in by, a context that names it, a frame. */
import { execFileSync } from 'node:child_process';

/** An interface of this network namespace. */
export interface Entrance {
  readonly ifindex: number;
  readonly mac: Uint8Array;
}

/** Size of struct __sk_buff, and offsets in it of the fields that a run may set (linux/bpf.h). */
const SKB = { size: 192, mark: 8, ifindex: 40, gsoSize: 176 } as const;

/** Reads an interface by its name; throws where `ip` does not know it. */
export function readEntrance(name: string): Entrance {
  const text = execFileSync('ip', ['-j', 'link', 'show', name], { encoding: 'utf8' });
  const [link] = JSON.parse(text) as { ifindex: number; address: string }[];
  const mac = Uint8Array.from(link!.address.split(':'), (part) => Number.parseInt(part, 16));
  return { ifindex: link!.ifindex, mac };
}

/** The struct __sk_buff that a packet comes in with. */
export function skbContext(fields: { ifindex: number; mark?: number; gsoSize?: number }): Uint8Array {
  const context = new Uint8Array(SKB.size);
  const view = new DataView(context.buffer);
  for (const [name, value] of Object.entries(fields))
    view.setUint32(SKB[name as keyof typeof fields], value, true);
  return context;
}

/** An IPv4 TCP frame to `mac` without addresses, ports and flags: a program under test writes them. */
export function blankTcpFrame(mac: Uint8Array): Uint8Array {
  const frame = new Uint8Array(54);
  frame.set(mac);
  frame.set([0x08, 0x00, 0x45, 0, 0, 40], 12);
  frame.set([64, 6], 22);
  frame[46] = 0x50;
  return frame;
}
