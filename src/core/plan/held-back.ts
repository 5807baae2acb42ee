/** What may not be done because something before it was refused: every prefix of a plan is safe, but not every part of it. */
import { type Address, networkOf } from '../address/address.ts';
import { vipKey } from '../model/host.ts';
import { lengthOf, type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import type { DesiredState } from './states.ts';
import type { Step } from './step.ts';

/** The refusals in one plan, and what they keep from being done. */
export interface Refusals {
  /** This step was refused, or held back. */
  add(step: Step): void;
  /** Why a later step of the plan may not be taken, in words; undefined where it may. */
  holding(step: Step): string | undefined;
}

/**
 * None yet, in a plan that leads to `desired`. What a step builds on is what the order in `diff` is for: a VIP brings traffic for the
 * services behind it, so one of them at least has to be there, and a program; a service goes once its VIP has gone.
 */
export function noRefusals(desired: DesiredState): Refusals {
  const steps: Step[] = [];
  const unpublished = new Set<ServiceKey>();
  const interfaces = new Set<string>();
  let behind: ((vip: Address) => readonly ServiceKey[]) | undefined;

  return {
    add(step) {
      steps.push(step);
      if (step.kind === 'publish_service' && step.before === undefined)
        unpublished.add(serviceKey(step.after));
      if (step.kind === 'attach') interfaces.add(step.interface.name);
    },
    holding(step) {
      if (steps.length === 0) return undefined;
      switch (step.kind) {
        case 'attach':
          return steps.some((one) => one.kind === 'detach' && one.interface.name === step.interface.name)
            ? 'its program is still on the other side'
            : undefined;
        case 'add_vip': {
          if (steps.some((one) => one.kind === 'remove_vip' && vipKey(one.vip) === vipKey(step.vip)))
            return 'the address is still there with its old label';
          if (interfaces.size > 0 && interfaces.size === desired.interfaces.size)
            return 'no program is on an interface';
          if (unpublished.size === 0) return undefined;
          behind ??= servicesBehind(desired);
          const services = behind(step.vip.address);
          return services.length > 0 && services.every((key) => unpublished.has(key))
            ? 'none of its services is there'
            : undefined;
        }
        case 'remove_service':
          return steps.some((one) => one.kind === 'remove_vip' && covers(step.before, one.vip.address))
            ? 'its VIP is still there'
            : undefined;
        default:
          return undefined;
      }
    },
  };
}

const covers = (service: VirtualService, address: Address): boolean =>
  networkOf({ address, length: lengthOf(service) }).address === service.address;

/** Looks up which of the desired services are at an address. */
function servicesBehind({ services }: DesiredState): (vip: Address) => readonly ServiceKey[] {
  const single = new Map<Address, ServiceKey[]>();
  const wide: [ServiceKey, VirtualService][] = [];
  for (const [key, service] of services) {
    const others = single.get(service.address);
    if (service.prefix_length !== undefined) wide.push([key, service]);
    else if (others === undefined) single.set(service.address, [key]);
    else others.push(key);
  }
  return (vip) => [
    ...(single.get(vip) ?? []),
    ...wide.filter(([, service]) => covers(service, vip)).map(([key]) => key),
  ];
}
