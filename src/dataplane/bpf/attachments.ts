/** Programs on interfaces, by whichever of the two mechanisms this kernel has: TCX links, or filters under clsact. */
import type { DirectorInterface, HowAttached } from '../../core/model/host.ts';
import type { Libbpf } from '../../kernel/libbpf.ts';
import { type Link, listLinks } from '../../kernel/netlink/link.ts';
import { filterMechanism } from './filters.ts';
import { BPF_TCX_INGRESS, linkMechanism } from './links.ts';
import { type Holder, type Mechanism, type Point, samePoint } from './points.ts';

/** The mechanisms themselves. */
export type Attachment = Exclude<HowAttached, 'auto'>;

/** What a plane does with interfaces. */
export interface Attachments {
  /** The interfaces whose packets reach our programs now; what was attached to one that has gone does not count. */
  observe(): ReadonlyMap<string, DirectorInterface>;
  /** Puts this daemon's program of that side on the interface, and nothing else of ours. */
  attach(one: DirectorInterface): void;
  detach(one: DirectorInterface): void;
  /** Programs where packets leave, on every attached public interface; or on none. */
  addEgress(): void;
  removeEgress(): void;
  /** Gives every attached interface this daemon's programs, in the place of those that an earlier daemon loaded. */
  refresh(): void;
  /** Puts this plane's programs behind those of all other layouts. */
  moveBehind(): void;
}

/**
 * Which mechanism to use. `filtersAhead`: a plane of another layout that comes first on the interfaces is there by filters,
 * and TCX would come before it. Throws an Error where TCX is asked for and the kernel has none.
 */
export function chooseAttachment(bpf: Libbpf, wanted: HowAttached, filtersAhead: boolean): Attachment {
  if (wanted === 'clsact' || filtersAhead) return 'clsact';
  const hasTcx = bpf.knowsAttachType(BPF_TCX_INGRESS);
  if (wanted === 'tcx' && !hasTcx)
    throw new Error(
      'this kernel has no TCX, which came with Linux 6.6; set director.attach to auto or clsact, or boot a newer one',
    );
  return hasTcx ? 'tcx' : 'clsact';
}

/** The attachments of one plane. `byStack` says whether packets go by the stack now: then some leave by a program, too. */
export function openAttachments(holder: Holder, how: Attachment, byStack: () => boolean): Attachments {
  const both = { tcx: linkMechanism(holder), clsact: filterMechanism(holder) };
  const ours = both[how];
  const other = both[how === 'tcx' ? 'clsact' : 'tcx'];
  const isPinned = (mechanism: Mechanism, point: Point): boolean =>
    mechanism.pinned().some((one) => samePoint(one, point));
  const present = (): Point[] => {
    const links = listLinks();
    return ours.pinned().filter((point) => ours.isThere(point, links));
  };
  const put = (point: Point): void => {
    ours.attach(point);
    // First the one, then the other: a packet that met neither would be answered by the director's own stack.
    if (isPinned(other, point)) other.detach(point);
  };
  const take = (point: Point): void => {
    for (const mechanism of [other, ours]) if (isPinned(mechanism, point)) mechanism.detach(point);
  };
  const isRight = (one: DirectorInterface, links: readonly Link[]): boolean => {
    const leaving = egressOf(one);
    const rightly = (point: Point) => ours.isRight(point, links) && !isPinned(other, point);
    const leaves = one.side === 'public' && byStack();
    return rightly(one) && (leaves ? rightly(leaving) : ![ours, other].some((m) => isPinned(m, leaving)));
  };
  return {
    observe: () => {
      const links = listLinks();
      const all = ours.pinned().filter(isIngress);
      return new Map(all.filter((one) => isRight(one, links)).map((one) => [one.name, one]));
    },
    attach: (one) => {
      // Where replies leave before requests come in, which they answer.
      if (one.side === 'public' && byStack()) put(egressOf(one));
      put(one);
      if (one.side !== 'public' || !byStack()) take(egressOf(one));
    },
    detach: (one) => {
      take(one);
      take(egressOf(one));
    },
    addEgress: () => {
      for (const point of present().filter(({ side }) => side === 'public')) put(egressOf(point));
    },
    removeEgress: () => {
      for (const point of [...ours.pinned(), ...other.pinned()].filter(({ side }) => side === 'egress'))
        take(point);
    },
    refresh: () => {
      for (const point of present()) ours.attach(point);
    },
    moveBehind: () => {
      for (const point of present()) ours.moveBehind(point);
    },
  };
}

const egressOf = ({ name }: Point): Point => ({ name, side: 'egress' });
const isIngress = (point: Point): point is DirectorInterface => point.side !== 'egress';
