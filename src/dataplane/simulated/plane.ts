/** A data plane without a kernel: the reference packet path of src/core/packet behind the port. */
import type { Family } from '../../core/address/address.ts';
import type { Limits } from '../../core/model/config.ts';
import type { DirectorInterface } from '../../core/model/host.ts';
import { TEMPLATE_HOLD_MS } from '../../core/model/persistence.ts';
import { NO_SYNC_DAEMONS } from '../../core/model/sync-daemon.ts';
import { leave, receive } from '../../core/packet/director.ts';
import type { Outcome } from '../../core/packet/outcome.ts';
import { createWorld, type Surroundings, type World } from '../../core/packet/world.ts';
import type { ConnectionFilter, DataPlane } from '../port.ts';
import { listConnections, listCounters } from './listing.ts';
import { publish, retire, type Services, unpublish } from './services.ts';
import { type SweepPlace, sweepSlice } from './sweep.ts';

/** An interface as packets meet it. */
export interface SimulatedInterface {
  readonly ifindex: number;
  /** Six bytes. */
  readonly mac: Uint8Array;
}

/** What the plane is opened with; time, chance and routes come from outside. */
export interface SimulatedPlaneOptions extends Surroundings {
  readonly limits: Pick<
    Limits,
    'connections_ipv4' | 'connections_ipv6' | 'half_open' | 'fragments' | 'answer_rate' | 'answer_burst'
  >;
  /** By name: those that can be attached to. */
  readonly interfaces: ReadonlyMap<string, SimulatedInterface>;
  /** Ticks of `now` in a second. Default 1,000. */
  readonly hz?: number;
}

/** What the simulated plane offers beyond the port: packets go in by hand. */
export interface SimulatedPlane extends DataPlane {
  readonly kind: 'simulated';
  /** The state of the packet path, for who wants to look closer. */
  readonly world: World;
  /**
   * What becomes of a frame of at least 14 bytes that the interface takes in; NEXT where nothing is attached. Frames that
   * are to arrive `again` are for the caller to give to it.
   */
  receive(name: string, frame: Uint8Array, gsoSize?: number): Outcome;
  /** What becomes of a frame of at least 14 bytes that leaves by the interface. */
  leave(name: string, frame: Uint8Array, gsoSize?: number): Outcome;
  /** Next hops are looked up again, at each connection's next packet. */
  routesChanged(): void;
}

/** Makes a plane with empty tables. */
export function openSimulatedPlane(options: SimulatedPlaneOptions): SimulatedPlane {
  const { limits, hz = 1000 } = options;
  const sizes: Record<Family, number> = { 4: limits.connections_ipv4, 6: limits.connections_ipv6 };
  const answers = { interval: hz / limits.answer_rate, burst: limits.answer_burst };
  const world = createWorld(options, {
    connections: sizes,
    halfOpen: limits.half_open,
    fragments: limits.fragments,
    answers,
    hold: (TEMPLATE_HOLD_MS * hz) / 1000,
    hz,
  });
  const services: Services = new Map();
  const attached = new Map<string, DirectorInterface>();
  const place: SweepPlace = { family: 4, from: 0 };
  const interfaceNamed = (name: string): SimulatedInterface => {
    const found = options.interfaces.get(name);
    if (found === undefined) throw new Error(`no interface ${name}: there is no such one in this plane`);
    return found;
  };
  return {
    kind: 'simulated',
    world,
    description: `simulated plane: room for ${sizes[4]} IPv4 and ${sizes[6]} IPv6 connections`,
    kernelMemory: 0,
    // Nobody else can write here.
    inspect: async () => {},
    observe: () => ({
      interfaces: new Map(attached),
      forwarding: world.byStack ? 'stack' : 'redirect',
      syncDaemons: NO_SYNC_DAEMONS,
      services: new Map(
        [...services].filter(([, one]) => one.published).map(([key, one]) => [key, one.record.service]),
      ),
    }),
    publishService: (service) => publish(world, services, service, hz),
    removeService: (key) => {
      const entry = services.get(key);
      if (entry?.published) unpublish(world, entry);
    },
    setForwarding: (to) => {
      world.byStack = to === 'stack';
    },
    attach: (one) => {
      interfaceNamed(one.name);
      attached.set(one.name, one);
    },
    detach: (one) => void attached.delete(one.name),
    counters: (of) => listCounters(services, of),
    verdicts: () => ({ ...world.verdicts }),
    connections: (filter: ConnectionFilter) => listConnections(world, hz, filter),
    sweep: () => {
      const servers = [...services.values()].flatMap((entry) => [...entry.servers.values()]);
      const report = sweepSlice(world, place, servers);
      if (report.completed) retire(world, services);
      return report;
    },
    routesChanged: () => {
      world.routeEpoch = (world.routeEpoch + 1) % 256;
    },
    close: () => {},
    destroy: () => {
      attached.clear();
      for (const entry of services.values()) unpublish(world, entry);
    },
    leave: (name, frame, gsoSize = 0) => {
      const { ifindex } = interfaceNamed(name);
      const leaves = world.byStack && attached.get(name)?.side === 'public';
      return leaves ? leave(world, { frame, ifindex, gsoSize }) : { action: 'NEXT', frame };
    },
    receive: (name, frame, gsoSize = 0) => {
      const { ifindex, mac } = interfaceNamed(name);
      const side = attached.get(name)?.side;
      return side === undefined
        ? { action: 'NEXT', frame }
        : receive(world, side, { frame, ifindex, gsoSize }, mac);
    },
  };
}
