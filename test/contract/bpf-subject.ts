/** The eBPF plane under test, its programs run by BPF_PROG_TEST_RUN; inside a lab's director. */
import { join } from 'node:path';
import type { Limits } from '../../src/core/model/config.ts';
import { CONNECTION_STATES } from '../../src/core/model/state.ts';
import { ETHERNET_HEADER, read16 } from '../../src/core/packet/bytes.ts';
import { isPacket, parse } from '../../src/core/packet/parse.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import { measureHz, openBpfPlane } from '../../src/dataplane/bpf/plane.ts';
import { removeAll, runRetire } from '../../src/dataplane/bpf/retirement.ts';
import { openTables, RETIRE_PIN, type Tables } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';
import { type Reusable, reusable } from './first-day.ts';
import { frameOf } from './frames.ts';
import {
  age,
  ageFragments,
  changeLive,
  heldFrames,
  isTemplate,
  readInterfaces,
  runPacket,
} from './kernel.ts';
import type { Interfaces } from './site.ts';
import type { OpenSubject, Sent, Subject } from './subject.ts';

function isFirstFragment(frame: Uint8Array): boolean {
  const parsed = parse({ frame, ifindex: 0 }, read16(frame, 12) === 0x86dd ? 6 : 4);
  return isPacket(parsed) ? parsed.part === 'first' : parsed.first !== undefined;
}

/** Tables that have been made, with what belongs to them. */
interface Made {
  readonly pinDir: string;
  readonly tables: Tables;
  readonly hz: number;
  readonly reuse: Reusable;
}

/** Subjects one after another; those with the same limits have the same tables, put back to their first day. */
export interface BpfSubjects {
  readonly open: OpenSubject;
  close(): void;
}

/** None yet. */
export function bpfSubjects(): BpfSubjects {
  const interfaces = readInterfaces();
  const idle = new Map<string, Made>();
  return {
    open: (limits) => {
      const name = JSON.stringify(limits);
      const before = idle.get(name);
      idle.delete(name);
      return openOn(limits, interfaces, before, (made) => idle.set(name, made));
    },
    close: () => {
      for (const made of idle.values()) removeTables(made);
      idle.clear();
    },
  };
}

function removeTables({ pinDir, tables, reuse }: Made): void {
  reuse.close();
  tables.close();
  removeAll(pinDir);
  removePins(pinDir);
}

/** A plane on tables that are there, or on new ones; `over` gets them when it is closed. */
function openOn(
  limits: Limits,
  interfaces: Interfaces,
  before: Made | undefined,
  over: (made: Made) => void,
): Subject {
  const objectFile = 'dist/director.bpf.o';
  const pinDir = before?.pinDir ?? makePins();
  // The plane itself lets nobody near its programs, and closes them with it.
  const tables = before?.tables ?? openTables(libbpf(), objectFile, pinDir, limits);
  const { hz, reuse } = before ?? { hz: measureHz(tables), reuse: reusable(tables) };
  const plane = openBpfPlane({
    objectFile,
    pinDir,
    limits,
    hz,
    openTables: () => ({ ...tables, close: () => {} }),
  });
  return {
    plane,
    send: (side, packet) => {
      const receive = (arriving: Uint8Array): Sent => {
        // What arrives anew arrives in the lab, where no program sees it: the map tells what it was.
        const held = () => (isFirstFragment(arriving) ? heldFrames(tables) : new Map<string, Uint8Array>());
        const before = held();
        const { action, frame } = runPacket(tables, interfaces, side, arriving);
        const after = held();
        const released = [...before].filter(([key]) => !after.has(key)).map(([, one]) => one);
        const again = released.length > 0 && action === 'DROP' ? [arriving, ...released] : [];
        return { action, packet: frame.subarray(ETHERNET_HEADER), again: again.map(receive) };
      };
      return receive(frameOf(packet, interfaces[side].mac));
    },
    elapse: (milliseconds) => {
      const jiffies = Math.ceil((milliseconds * hz) / 1000);
      age(tables, jiffies);
      ageFragments(tables, jiffies);
    },
    leave: (packet) => {
      const frame = frameOf(packet, interfaces.public.mac);
      const left = runPacket(tables, interfaces, 'egress', frame);
      return { action: left.action, packet: left.frame.subarray(ETHERNET_HEADER), again: [] };
    },
    force: (state) => {
      const number = BigInt(contract.WEIR_STATE_NONE + CONNECTION_STATES.indexOf(state));
      changeLive(tables, (slot) =>
        isTemplate(slot) ? {} : { word: (slot.head.word & ~0xfn) | number, replied: 1 },
      );
    },
    takeOver: () => {
      const program = libbpf().getPinned(join(tables.directory, RETIRE_PIN))!;
      runRetire(libbpf(), program, { no_new: 1 });
      libbpf().closeFd(program);
    },
    close: () => {
      plane.close();
      const made = { pinDir, tables, hz, reuse };
      if (reuse.reset()) over(made);
      else removeTables(made);
    },
  };
}
