/** The scenarios that both planes play. Each has a VIP of its own, so that they can be played side by side. */
import type { VirtualService } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import type { Scenario, Step } from './scenario.ts';
import { CONNECTIONS } from './scenarios/connections.ts';
import { PACKETS } from './scenarios/packets.ts';
import { PERSISTENCE } from './scenarios/persistence.ts';
import { SCHEDULING } from './scenarios/schedulers.ts';
import { SERVERS } from './scenarios/servers.ts';
import { at, type Change, type Drafts, server } from './words.ts';

/** ip_vs has one of each for all services, in seconds; UDP's short enough to be waited for. */
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, established: 600_000, fin_wait: 40_000, udp: 10_000 };

/** As many of a client's ports belong to a scenario. */
const PORTS_EACH = 20;

/** Scenarios by their names; `make` is given what makes services at the scenario's VIP. */
function scenarios(made: Drafts): Scenario[] {
  return Object.entries(made).map(([name, make], i) => {
    const service = ({ family = 4, ...change }: Change = {}): VirtualService => ({
      protocol: 'tcp',
      address: at(family === 4 ? `203.0.113.${130 + i}` : `2001:db8:113:1::${130 + i}`),
      port: 80,
      scheduler: 'rr',
      timeouts: TIMEOUTS,
      servers: [1, 2, 3].map((last) => server(last, {}, family)),
      ...change,
    });
    // Clients have ports of their own, too: nothing here is about two connections that a server could not tell apart.
    const apart = (steps: readonly Step[]): Step[] =>
      steps.map((step) =>
        'from' in step
          ? { ...step, from: step.from.replace(/\d+$/, (port) => String(Number(port) + PORTS_EACH * i)) }
          : step,
      );
    if (typeof make !== 'function') return { name, services: [service(make[0])], steps: apart(make[1]) };
    const { services, steps } = make(service);
    return { name, services, steps: apart(steps) };
  });
}

/** All, in the order of their VIPs. */
export const SCENARIOS: readonly Scenario[] = scenarios({
  ...SCHEDULING,
  ...CONNECTIONS,
  ...PERSISTENCE,
  ...SERVERS,
  ...PACKETS,
});
