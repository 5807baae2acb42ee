/** Programs on interfaces, by whichever of the two mechanisms this kernel has: TCX links, or filters under clsact. */
import type { DirectorInterface, HowAttached } from '../../core/model/host.ts';
import type { Libbpf } from '../../kernel/libbpf.ts';
import { listLinks } from '../../kernel/netlink/link.ts';
import { filterMechanism } from './filters.ts';
import { BPF_TCX_INGRESS, linkMechanism } from './links.ts';
import { type Holder, type Point, samePoint } from './points.ts';

/** The mechanisms themselves. */
export type Attachment = Exclude<HowAttached, 'auto'>;

/** What a plane does with interfaces. */
export interface Attachments {
  /** The interfaces whose packets reach our programs now; what was attached to one that has gone does not count. */
  observe(): ReadonlyMap<string, DirectorInterface>;
  /** Puts this daemon's program of that side on the interface, and nothing else of ours. */
  attach(one: DirectorInterface): void;
  detach(one: DirectorInterface): void;
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

/** The attachments of one plane. */
export function openAttachments(holder: Holder, how: Attachment): Attachments {
  const both = { tcx: linkMechanism(holder), clsact: filterMechanism(holder) };
  const ours = both[how];
  const other = both[how === 'tcx' ? 'clsact' : 'tcx'];
  const isPinnedTwice = (point: Point): boolean => other.pinned().some((one) => samePoint(one, point));
  const present = (): Point[] => {
    const links = listLinks();
    return ours.pinned().filter((point) => ours.isThere(point, links));
  };
  return {
    observe: () => {
      const links = listLinks();
      return new Map(
        ours
          .pinned()
          .filter((point) => ours.isRight(point, links) && !isPinnedTwice(point))
          .map((point) => [point.name, point]),
      );
    },
    attach: (one) => {
      ours.attach(one);
      // First the one, then the other: a packet that met neither would be answered by the director's own stack.
      if (isPinnedTwice(one)) other.detach(one);
    },
    detach: (one) => {
      if (isPinnedTwice(one)) other.detach(one);
      ours.detach(one);
    },
    refresh: () => {
      for (const point of present()) ours.attach(point);
    },
    moveBehind: () => {
      for (const point of present()) ours.moveBehind(point);
    },
  };
}
