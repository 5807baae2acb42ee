/** The eBPF plane under test, its programs run by BPF_PROG_TEST_RUN; inside a lab's director. */

import { join } from 'node:path';
import { CONNECTION_STATES } from '../../src/core/model/state.ts';
import { ETHERNET_HEADER, read16 } from '../../src/core/packet/bytes.ts';
import { isPacket, parse } from '../../src/core/packet/parse.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import { openBpfPlane } from '../../src/dataplane/bpf/plane.ts';
import { runRetire } from '../../src/dataplane/bpf/retirement.ts';
import { openTables, RETIRE_PIN, type Tables } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';
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
import type { OpenSubject, Sent } from './subject.ts';

/** Jiffies in a second, as the plane has measured them for the time-outs that it has written. */
function jiffiesPerSecond(tables: Tables): number {
  const { timeouts, timeouts_ms } = tables.serviceState.get(0);
  const state = contract.WEIR_STATE_ESTABLISHED;
  return Math.round((timeouts[state]! * 1000) / timeouts_ms[state]!);
}

function isFirstFragment(frame: Uint8Array): boolean {
  const parsed = parse({ frame, ifindex: 0 }, read16(frame, 12) === 0x86dd ? 6 : 4);
  return isPacket(parsed) ? parsed.part === 'first' : parsed.first !== undefined;
}

/** Opens an eBPF plane with tables of its own. */
export const openBpfSubject: OpenSubject = (limits) => {
  const objectFile = 'dist/director.bpf.o';
  const pinDir = makePins();
  // The plane itself lets nobody near its programs, and loading them a second time would take as long as all the rest.
  let tables!: Tables;
  const plane = openBpfPlane({
    objectFile,
    pinDir,
    limits,
    openTables: (...words) => {
      tables = openTables(...words);
      return tables;
    },
  });
  const interfaces = readInterfaces();
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
      const jiffies = Math.ceil((milliseconds * jiffiesPerSecond(tables)) / 1000);
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
      plane.destroy();
      plane.close();
      removePins(pinDir);
    },
  };
};
