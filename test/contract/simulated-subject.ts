/** The simulated plane under test. */
import type { Side } from '../../src/core/model/host.ts';
import { ETHERNET_HEADER } from '../../src/core/packet/bytes.ts';
import { changeState } from '../../src/core/packet/connection.ts';
import { isTemplate } from '../../src/core/packet/template.ts';
import { openSimulatedPlane } from '../../src/dataplane/simulated/plane.ts';
import { frameOf, SIMULATED_MAC } from './frames.ts';
import { type Interfaces, siteRoute } from './site.ts';
import type { OpenSubject, Sent } from './subject.ts';

const INTERFACES: Interfaces = {
  public: { ifindex: 2, mac: SIMULATED_MAC },
  private: { ifindex: 3, mac: SIMULATED_MAC },
};
const NAMES: Readonly<Record<Side, string>> = { public: 'eth0', private: 'eth1' };

/** The same numbers every time (a linear congruential generator, D. E. Knuth's MMIX constants cut to 32 bits). */
function dice(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** Opens a simulated plane, both of its interfaces attached. */
export const openSimulatedSubject: OpenSubject = (limits) => {
  let now = 0;
  const plane = openSimulatedPlane({
    limits,
    interfaces: new Map([
      [NAMES.public, INTERFACES.public],
      [NAMES.private, INTERFACES.private],
    ]),
    now: () => now,
    random: dice(),
    route: (query) => siteRoute(INTERFACES, query),
  });
  const attach = () => {
    for (const side of ['public', 'private'] as const) plane.attach({ name: NAMES[side], side });
  };
  return {
    plane,
    send: (side, packet) => {
      // A case that looks at attachments has its own; the others need both.
      if (plane.observe().interfaces.size === 0) attach();
      const receive = (arriving: Uint8Array): Sent => {
        const { action, frame, again = [] } = plane.receive(NAMES[side], arriving);
        return { action, packet: frame.subarray(ETHERNET_HEADER), again: again.map(receive) };
      };
      return receive(frameOf(packet, SIMULATED_MAC));
    },
    leave: (packet) => {
      const { action, frame } = plane.leave(NAMES.public, frameOf(packet, SIMULATED_MAC));
      return { action, packet: frame.subarray(ETHERNET_HEADER), again: [] };
    },
    elapse: (milliseconds) => {
      now += milliseconds;
    },
    force: (state) => {
      for (const family of [4, 6] as const)
        for (const connection of plane.world.tables[family].slots)
          if (connection !== undefined && !isTemplate(connection)) {
            changeState(plane.world, connection, state);
            connection.replied = true;
          }
    },
    takeOver: () => {
      plane.world.takesNew = false;
    },
    close: () => plane.close(),
  };
};
