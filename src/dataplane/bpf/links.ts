/** Programs on interfaces: TCX links, pinned so that they outlive the daemon. */
import { readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DirectorInterface, Side } from '../../core/model/host.ts';
import { ARPHRD_ETHER, type Link, listLinks } from '../../kernel/netlink/link.ts';
import type { Tables } from './tables.ts';

/** BPF_TCX_INGRESS (linux/bpf.h, since 6.6). */
const BPF_TCX_INGRESS = 46;

/** A pin's name cannot hold a dot, which interface names may: other characters are written as %xx. */
const pinName = ({ name, side }: DirectorInterface): string =>
  `link_${side}_${name.replace(/[^A-Za-z0-9_-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;

function parsePin(file: string): DirectorInterface | undefined {
  const match = /^link_(public|private)_(.+)$/.exec(file);
  if (match === null) return undefined;
  const name = match[2]!.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return { name, side: match[1] as Side };
}

/** The interfaces whose packets reach our programs now; a link whose interface has gone does not count. */
export function observeLinks(tables: Tables): ReadonlyMap<string, DirectorInterface> {
  const links = listLinks();
  return new Map(
    pinnedLinks(tables)
      .filter((one) => isAttached(tables, one, links))
      .map((one) => [one.name, one]),
  );
}

/** Puts the program of that side on the interface, or this daemon's own in the place of an earlier one's. */
export function attach(tables: Tables, one: DirectorInterface): void {
  const { bpf, programs } = tables;
  const link = requireEthernet(one.name);
  const path = join(tables.directory, pinName(one));
  const pinned = bpf.getPinned(path);
  if (pinned !== undefined) {
    try {
      if (bpf.linkInfo(pinned).ifindex === link.ifindex) {
        bpf.updateLink(pinned, programs[one.side]);
        return;
      }
    } finally {
      bpf.closeFd(pinned);
    }
    unlinkSync(path);
  }
  const made = bpf.createLink(programs[one.side], link.ifindex, BPF_TCX_INGRESS);
  try {
    bpf.pin(made, path);
  } finally {
    bpf.closeFd(made);
  }
}

/** Takes the program off the interface. */
export function detach(tables: Tables, one: DirectorInterface): void {
  unlinkSync(join(tables.directory, pinName(one)));
}

/** Gives every attached interface this daemon's programs, in the place of those that an earlier daemon loaded. */
export function refreshLinks(tables: Tables): void {
  for (const one of observeLinks(tables).values()) attach(tables, one);
}

/** Begins the names of links that are on their way to the end of their interface. */
const MOVING = 'link_moving_';

/**
 * Puts this daemon's programs behind all others of their interfaces, those of other layouts too. An earlier daemon's stay
 * in front until then: for a moment an interface has both, rather than none.
 */
export function moveBehind(tables: Tables): void {
  const { bpf, directory, programs } = tables;
  for (const file of readdirSync(directory).filter((name) => name.startsWith(MOVING)))
    unlinkSync(join(directory, file));
  for (const one of observeLinks(tables).values()) {
    // One of this daemon's has been attached just now, behind all that were there.
    if (programOn(tables, one) === bpf.programId(programs[one.side])) continue;
    const made = bpf.createLink(programs[one.side], requireEthernet(one.name).ifindex, BPF_TCX_INGRESS);
    const passing = join(directory, `${MOVING}${pinName(one)}`);
    try {
      bpf.pin(made, passing);
    } finally {
      bpf.closeFd(made);
    }
    renameSync(passing, join(directory, pinName(one)));
  }
}

/** The id of the program that the pinned link holds. */
function programOn({ bpf, directory }: Tables, one: DirectorInterface): number | undefined {
  const fd = bpf.getPinned(join(directory, pinName(one)));
  if (fd === undefined) return undefined;
  try {
    return bpf.linkInfo(fd).program;
  } finally {
    bpf.closeFd(fd);
  }
}

function pinnedLinks(tables: Tables): DirectorInterface[] {
  return readdirSync(tables.directory).flatMap((file) => parsePin(file) ?? []);
}

function isAttached({ bpf, directory }: Tables, one: DirectorInterface, links: readonly Link[]): boolean {
  const ifindex = links.find(({ name }) => name === one.name)?.ifindex;
  const fd = bpf.getPinned(join(directory, pinName(one)));
  if (fd === undefined) return false;
  try {
    return bpf.linkInfo(fd).ifindex === ifindex;
  } finally {
    bpf.closeFd(fd);
  }
}

/** The interface, if packets on it begin with an Ethernet header; otherwise an Error that says what is there. */
function requireEthernet(name: string): Link {
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
