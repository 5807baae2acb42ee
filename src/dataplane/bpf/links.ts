/** Programs on interfaces by TCX links, pinned so that they outlive the daemon. A new one comes behind all that are there. */
import { existsSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkInfo } from '../../kernel/libbpf.ts';
import {
  type Holder,
  type Mechanism,
  type Point,
  parsePointName,
  pointName,
  requireEthernet,
} from './points.ts';

/** BPF_TCX_INGRESS and BPF_TCX_EGRESS (linux/bpf.h, since 6.6). */
export const BPF_TCX_INGRESS = 46;
const BPF_TCX_EGRESS = 47;

/** Begins the names of all pinned links, in every layout. */
export const LINK = 'link_';
/** Begins the names of links that are on their way to the end of their interface. */
const MOVING = `${LINK}moving_`;

/** TCX links of one plane. */
export function linkMechanism({ bpf, directory, programs }: Holder): Mechanism {
  const pathOf = (point: Point): string => join(directory, `${LINK}${pointName(point)}`);
  const infoOf = (point: Point): LinkInfo | undefined => {
    const fd = bpf.getPinned(pathOf(point));
    if (fd === undefined) return undefined;
    try {
      return bpf.linkInfo(fd);
    } finally {
      bpf.closeFd(fd);
    }
  };
  const create = (point: Point, ifindex: number, path: string): void => {
    const type = point.side === 'egress' ? BPF_TCX_EGRESS : BPF_TCX_INGRESS;
    const made = bpf.createLink(programs[point.side], ifindex, type);
    try {
      bpf.pin(made, path);
    } finally {
      bpf.closeFd(made);
    }
  };
  const update = (point: Point): void => {
    const pinned = bpf.getPinned(pathOf(point))!;
    try {
      bpf.updateLink(pinned, programs[point.side]);
    } finally {
      bpf.closeFd(pinned);
    }
  };
  const isThere: Mechanism['isThere'] = (point, links) => {
    const ifindex = links.find(({ name }) => name === point.name)?.ifindex;
    return ifindex !== undefined && infoOf(point)?.ifindex === ifindex;
  };
  return {
    pinned: () =>
      // The directory, too, is something that somebody may have removed.
      (existsSync(directory) ? readdirSync(directory) : [])
        .filter((file) => file.startsWith(LINK))
        .flatMap((file) => parsePointName(file.slice(LINK.length)) ?? []),
    isThere,
    isRight: isThere,
    attach: (point) => {
      const { ifindex } = requireEthernet(point.name);
      const before = infoOf(point);
      if (before?.ifindex === ifindex) return update(point);
      if (before !== undefined) unlinkSync(pathOf(point));
      create(point, ifindex, pathOf(point));
    },
    moveBehind: (point) => {
      for (const file of readdirSync(directory).filter((name) => name.startsWith(MOVING)))
        unlinkSync(join(directory, file));
      // One of this daemon's has been attached just now, behind all that were there; the kernel takes no program twice.
      if (infoOf(point)?.program === bpf.programId(programs[point.side])) return;
      const passing = join(directory, `${MOVING}${pointName(point)}`);
      create(point, requireEthernet(point.name).ifindex, passing);
      renameSync(passing, pathOf(point));
    },
    detach: (point) => unlinkSync(pathOf(point)),
  };
}
