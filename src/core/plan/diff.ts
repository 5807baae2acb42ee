/** The difference of what is and what should be, as steps in an order in which every prefix is safe to stop at. */
import { equalService } from '../model/equal.ts';
import type { Vip } from '../model/host.ts';
import type { DesiredState, ObservedState } from './states.ts';
import type { Plan, Step } from './step.ts';
import { compareSysctls } from './sysctl-order.ts';

/**
 * The steps that turn `observed` into `desired`; none if they are equal.
 *
 * What serves comes before what brings traffic: kernel parameters and masquerading, then services, then programs on
 * interfaces, then sync daemons, which hear of the connections that are about to come, then VIPs. What goes, goes the other way round: a VIP leaves before its service does. Each service
 * changes as a whole, so that no step leaves it with fewer servers than it had and is to have.
 */
export function diff(observed: ObservedState, desired: DesiredState): Plan {
  return [
    ...mending(observed),
    ...sysctls(observed, desired),
    ...missing(observed.masquerade, desired.masquerade, same).map(
      (rule): Step => ({ kind: 'add_masquerade', rule }),
    ),
    ...services(observed, desired),
    ...forwarding(observed, desired),
    ...attachments(observed, desired),
    ...syncDaemons(observed, desired),
    ...vips(observed, desired),
    ...goneServices(observed, desired),
    ...missing(desired.interfaces, observed.interfaces, present).map(
      (gone): Step => ({ kind: 'detach', interface: gone }),
    ),
    ...missing(desired.masquerade, observed.masquerade, present).map(
      (rule): Step => ({ kind: 'remove_masquerade', rule }),
    ),
  ];
}

const same = <T>(a: T, b: T): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
const present = (): boolean => true;

/** The values of `to` that `from` lacks or holds otherwise, in the order of `to`. */
function missing<K, V>(from: ReadonlyMap<K, V>, to: ReadonlyMap<K, V>, equal: (a: V, b: V) => boolean): V[] {
  return [...to].flatMap(([key, value]) => {
    const before = from.get(key);
    return before !== undefined && equal(before, value) ? [] : [value];
  });
}

/** Before all that is written into the plane, or attached. */
function mending({ planeDamage: found = [] }: ObservedState): Step[] {
  return found.length === 0 ? [] : [{ kind: 'mend_plane', found }];
}

/** A parameter that nobody asks for any more keeps its value until Weir is taken down. */
function sysctls(observed: ObservedState, desired: DesiredState): Step[] {
  return [...desired.sysctls]
    .filter(([name, value]) => observed.sysctls.get(name) !== value)
    .sort(([a], [b]) => compareSysctls(a, b))
    .map(([name, to]) => ({ kind: 'set_sysctl', name, from: observed.sysctls.get(name), to }));
}

function services(observed: ObservedState, desired: DesiredState): Step[] {
  return [...desired.services].flatMap(([key, after]): Step[] => {
    const before = observed.services.get(key);
    const sound = observed.damaged?.has(key) !== true;
    return sound && before !== undefined && equalService(before, after)
      ? []
      : [{ kind: 'publish_service', before, after }];
  });
}

function goneServices(observed: ObservedState, desired: DesiredState): Step[] {
  return [...observed.services].flatMap(([key, before]): Step[] =>
    desired.services.has(key) ? [] : [{ kind: 'remove_service', key, before }],
  );
}

/** Before the programs, which are attached to more places for the stack than for redirection. */
function forwarding({ forwarding: from }: ObservedState, { forwarding: to }: DesiredState): Step[] {
  return from === to ? [] : [{ kind: 'set_forwarding', from, to }];
}

/** An interface that changes sides is detached first: it cannot be both. */
function attachments(observed: ObservedState, desired: DesiredState): Step[] {
  return missing(observed.interfaces, desired.interfaces, same).flatMap((one): Step[] => {
    const before = observed.interfaces.get(one.name);
    const attach: Step = { kind: 'attach', interface: one };
    return before === undefined ? [attach] : [{ kind: 'detach', interface: before }, attach];
  });
}

/** A daemon that is to be another is stopped for it: there is one of each role. */
function syncDaemons(observed: ObservedState, desired: DesiredState): Step[] {
  const { syncDaemons: before } = observed;
  const { syncDaemons: after } = desired;
  return [
    ...missing(after, before, present).map((gone): Step => ({ kind: 'stop_sync_daemon', before: gone })),
    ...missing(before, after, same).map(
      (one): Step => ({ kind: 'start_sync_daemon', before: before.get(one.role), after: one }),
    ),
  ];
}

/**
 * New VIPs come before old ones go, so that an address that moves or changes its prefix length is always there. Only
 * a new label needs the old entry gone first: the kernel holds one entry for an address and a length.
 */
function vips(observed: ObservedState, desired: DesiredState): Step[] {
  const added = missing(observed.vips, desired.vips, same).flatMap((vip): Step[] => {
    const before = [...observed.vips].find(([key]) => desired.vips.get(key) === vip)?.[1];
    const add: Step = { kind: 'add_vip', vip };
    return before === undefined ? [add] : [{ kind: 'remove_vip', vip: before }, add];
  });
  const gone = missing<string, Vip>(desired.vips, observed.vips, present);
  return [...added, ...gone.map((vip): Step => ({ kind: 'remove_vip', vip }))];
}
