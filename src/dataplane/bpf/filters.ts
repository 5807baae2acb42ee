/**
 * Programs on interfaces by filters under the clsact qdisc, for kernels without TCX. A filter belongs to nobody: it outlives
 * the daemon, and pins. So a pin's name says where it stands, written before the filter and removed after it; and another
 * says on which interfaces the qdisc was made, too.
 */
import { existsSync, readdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasFilters } from '../../kernel/netlink/filter.ts';
import { type FilterPlace, trafficControl } from '../../kernel/tc.ts';
import {
  type Holder,
  type Mechanism,
  type Point,
  parsePointName,
  pointName,
  requireEthernet,
  samePoint,
} from './points.ts';

/** Begins the names of the pins that stand for filters, in every layout: filter_PRIORITY_IFINDEX_SIDE_NAME. */
export const FILTER = 'filter_';
/** Begins the names of those that stand for a qdisc: clsact_IFINDEX. */
export const CLSACT = 'clsact_';
/** "weir", in every layout: whose filter it is, for who looks at `tc filter show`. Filters that tc numbers itself begin at 1. */
export const HANDLE = 0x77656972;
/** Before those that are given no priority, which get 49152 and less; as each new plane comes behind the others, they count up. */
const FIRST_PRIORITY = 20_000;

/** A filter as its pin has it. */
interface Standing {
  readonly file: string;
  /** Undefined for a kind of place that only another version knows. */
  readonly point: Point | undefined;
  readonly place: FilterPlace;
}

function standings(directory: string): Standing[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((file): Standing[] => {
    const match = new RegExp(`^${FILTER}(\\d+)_(\\d+)_(.+)$`).exec(file);
    if (match === null) return [];
    const [priority, ifindex] = [Number(match[1]), Number(match[2])];
    const hook = match[3]!.startsWith('egress_') ? 'egress' : 'ingress';
    return [{ file, point: parsePointName(match[3]!), place: { ifindex, hook, priority, handle: HANDLE } }];
  });
}

/** Filters of all planes whose pins lie beside these. */
function neighbours(directory: string): Standing[] {
  const all = dirname(directory);
  return readdirSync(all).flatMap((layout) => standings(join(all, layout)));
}

function remove(directory: string, { file, place }: Standing): void {
  trafficControl().removeFilter(place);
  unlinkSync(join(directory, file));
}

/** Removes all filters of a plane, and the qdiscs that were made for them and serve nobody else. */
export function removeFilters(directory: string): void {
  for (const standing of standings(directory)) remove(directory, standing);
  releaseQdiscs(directory);
}

function releaseQdiscs(directory: string): void {
  const used = new Set(standings(directory).map(({ place }) => place.ifindex));
  for (const file of readdirSync(directory).filter((name) => name.startsWith(CLSACT))) {
    const ifindex = Number(file.slice(CLSACT.length));
    if (used.has(ifindex)) continue;
    if (!hasFilters(ifindex)) trafficControl().removeClsact(ifindex);
    unlinkSync(join(directory, file));
  }
}

/** Makes the interface's qdisc unless it has one; one that another plane has made is this one's to remove as well. */
function requireQdisc({ bpf, directory, programs }: Holder, ifindex: number): void {
  const all = dirname(directory);
  const isMarked = readdirSync(all).some((layout) => existsSync(join(all, layout, `${CLSACT}${ifindex}`)));
  const mark = join(directory, `${CLSACT}${ifindex}`);
  if (!existsSync(mark)) bpf.pin(programs.public, mark);
  if (!trafficControl().makeClsact(ifindex) && !isMarked) unlinkSync(mark);
}

/** Filters of one plane. */
export function filterMechanism(holder: Holder): Mechanism {
  const { bpf, directory, programs } = holder;
  const own = (point: Point): Standing[] =>
    standings(directory)
      .filter((one) => one.point !== undefined && samePoint(one.point, point))
      .sort((a, b) => a.place.priority - b.place.priority);
  const last = (ifindex: number): number =>
    Math.max(
      FIRST_PRIORITY - 1,
      ...neighbours(directory)
        .filter(({ place }) => place.ifindex === ifindex)
        .map(({ place }) => place.priority),
    );
  const add = (point: Point, ifindex: number): void => {
    const hook = point.side === 'egress' ? 'egress' : 'ingress';
    const place = { ifindex, hook, priority: last(ifindex) + 1, handle: HANDLE } as const;
    const program = programs[point.side];
    bpf.pin(program, join(directory, `${FILTER}${place.priority}_${ifindex}_${pointName(point)}`));
    requireQdisc(holder, ifindex);
    trafficControl().setFilter(place, program);
  };
  /** The one that counts: of two the one behind, as the other was about to go. */
  const standing = (point: Point, ifindex: number | undefined): Standing | undefined =>
    own(point)
      .filter(({ place }) => place.ifindex === ifindex)
      .at(-1);
  /** Those of an interface that had this name, and one that a move to the end has left. */
  const removeOthers = (point: Point, ifindex: number): void => {
    const kept = standing(point, ifindex)?.file;
    for (const one of own(point)) if (one.file !== kept) remove(directory, one);
  };
  const programAt = (
    point: Point,
    links: readonly { name: string; ifindex: number }[],
  ): number | undefined => {
    const found = standing(point, links.find(({ name }) => name === point.name)?.ifindex);
    return found && trafficControl().filterProgram(found.place);
  };
  return {
    pinned: () => standings(directory).flatMap(({ point }) => point ?? []),
    isThere: (point, links) => programAt(point, links) !== undefined,
    isRight: (point, links) =>
      own(point).length === 1 && programAt(point, links) === bpf.programId(programs[point.side]),
    attach: (point) => {
      const { ifindex } = requireEthernet(point.name);
      const before = standing(point, ifindex);
      if (before === undefined) add(point, ifindex);
      else {
        requireQdisc(holder, ifindex);
        trafficControl().setFilter(before.place, programs[point.side]);
      }
      removeOthers(point, ifindex);
      releaseQdiscs(directory);
    },
    moveBehind: (point) => {
      const { ifindex } = requireEthernet(point.name);
      if (standing(point, ifindex)?.place.priority === last(ifindex)) return;
      add(point, ifindex);
      removeOthers(point, ifindex);
    },
    detach: (point) => {
      for (const one of own(point)) remove(directory, one);
      releaseQdiscs(directory);
    },
  };
}
