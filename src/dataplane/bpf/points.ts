/** Where programs are attached, and what the pins that say so are called. */
import type { Side } from '../../core/model/host.ts';
import type { Libbpf } from '../../kernel/libbpf.ts';
import { ARPHRD_ETHER, type Link, listLinks } from '../../kernel/netlink/link.ts';

/** A program's place: an interface, and which of the programs it is. */
export interface Point {
  readonly name: string;
  /** `egress` is where a public interface's packets leave; the others are where they come in. */
  readonly side: Side | 'egress';
}

/** Whose programs are attached, and under which directory that is pinned. */
export interface Holder {
  readonly bpf: Libbpf;
  readonly directory: string;
  readonly programs: Readonly<Record<Point['side'], number>>;
}

/** One way of attaching programs. What is attached outlives the daemon, and a pin names it. */
export interface Mechanism {
  /** The points that pins name, whatever has become of them. */
  pinned(): Point[];
  /** A program of this plane is there, on the interface that has that name now. */
  isThere(point: Point, links: readonly Link[]): boolean;
  /** As `isThere`, and it is the one that is meant to be. */
  isRight(point: Point, links: readonly Link[]): boolean;
  /** Puts this daemon's program there, or in the place of an earlier daemon's. */
  attach(point: Point): void;
  /** Puts it behind all programs that others have attached. */
  moveBehind(point: Point): void;
  detach(point: Point): void;
}

/** A pin's name cannot hold a dot, which interface names may: other characters are written as %xx. */
export function pointName({ name, side }: Point): string {
  return `${side}_${name.replace(/[^A-Za-z0-9_-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;
}

/** Reads what `pointName` writes; undefined if it is anything else. */
export function parsePointName(text: string): Point | undefined {
  const match = /^(public|private|egress)_(.+)$/.exec(text);
  if (match === null) return undefined;
  const name = match[2]!.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return { name, side: match[1] as Point['side'] };
}

/** True for the same place. */
export function samePoint(a: Point, b: Point): boolean {
  return a.name === b.name && a.side === b.side;
}

/** The interface, if packets on it begin with an Ethernet header; otherwise an Error that says what is there. */
export function requireEthernet(name: string): Link {
  const links = listLinks();
  const link = links.find((candidate) => candidate.name === name);
  if (link === undefined)
    throw new Error(
      `there is no interface ${name} here, only ${links.map((one) => one.name).join(', ')}; see director.public and director.private`,
    );
  if (link.type !== ARPHRD_ETHER)
    throw new Error(
      `${name} is not an Ethernet interface (ARPHRD type ${link.type}): the eBPF plane reads Ethernet headers, which its packets lack`,
    );
  return link;
}
