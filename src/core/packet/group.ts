/** Services of several ports or addresses, by what they are: the reference for bpf/group.h and bpf/service.h. */
import { addressBytes } from '../address/address.ts';
import { closeness } from '../model/ports.ts';
import { isGroup, lengthOf, rangesOf, type VirtualService } from '../model/service.ts';
import type { Packet } from './parse.ts';
import { type Group, type ServiceRecord, serviceAt } from './service.ts';
import type { World } from './world.ts';

/** The group that a service makes. */
export function groupOf(service: VirtualService, protocol: number): Group {
  const address = addressBytes(service.address);
  return { protocol, address, length: lengthOf(service), ranges: rangesOf(service) };
}

type Target = Pick<Packet, 'protocol' | 'target' | 'targetPort'>;

function hasPrefix({ address, length }: Group, target: Uint8Array): boolean {
  if (target.length !== address.length) return false;
  return address.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return ((byte ^ target[i]!) & (0xff00 >> bits) & 0xff) === 0;
  });
}

/** A service that takes the packet, and how closely it names its address and its port. */
interface Candidate {
  readonly record: ServiceRecord;
  readonly length: number;
  readonly closeness: number;
}

/**
 * The service of a packet: of all that take it the one with the longest prefix, and of those the one that names the port
 * by itself, rather than in a range, rather than with all others. Two that are alike in both are not published for long:
 * the later one replaces the earlier.
 */
export function findService(world: World, packet: Target): ServiceRecord | undefined {
  const { protocol, target, targetPort } = packet;
  const own = world.services.get(serviceAt(protocol, target, targetPort));
  if (own !== undefined) return own;
  const every = world.services.get(serviceAt(protocol, target, 0));
  let best: Candidate | undefined =
    every === undefined ? undefined : { record: every, length: 8 * target.length, closeness: 0 };
  for (const [record, group] of world.groups) {
    if (group.protocol !== protocol || !hasPrefix(group, target)) continue;
    for (const range of group.ranges) {
      if (targetPort < range.first || targetPort > range.last) continue;
      const found = { record, length: group.length, closeness: closeness(range) };
      if (best === undefined || !isCloser(best, found)) best = found;
    }
  }
  return best?.record;
}

const isCloser = (a: Candidate, b: Candidate): boolean =>
  a.length > b.length || (a.length === b.length && a.closeness > b.closeness);

/** Whether it is published. */
export function isPublished(
  world: World,
  record: ServiceRecord,
  {
    protocol,
    virtual,
    virtualPort,
  }: {
    readonly protocol: number;
    readonly virtual: Uint8Array;
    readonly virtualPort: number;
  },
): boolean {
  if (isGroup(record.service)) return world.groups.has(record);
  return world.services.get(serviceAt(protocol, virtual, virtualPort)) === record;
}
