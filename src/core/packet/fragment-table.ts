/** What has come in fragments lately: bounded, the entry used least lately goes first. */
import type { Datagram } from './parse.ts';

/** Seconds for which later fragments follow their first or wait for it: fewer than identifications take to come again. */
export const FRAGMENT_SECONDS = 5;

/** Which packets of a datagram's addresses are meant: as they arrive at a side, or as they have left by it. */
export type FragmentWay = 'from_public' | 'from_private' | 'to_private' | 'to_public';

/** A later fragment that waits for its first. */
export interface HeldFragment {
  readonly since: number;
  readonly frame: Uint8Array;
}

/** What becomes of a datagram's later fragments; `C` is a connection. */
export type Fate<C> =
  | { readonly fate: 'waits'; readonly since: number; count: number; readonly held: HeldFragment[] }
  | {
      readonly fate: 'follows';
      readonly since: number;
      readonly connection: C;
      readonly cut: boolean;
    }
  | { readonly fate: 'passes' | 'falls'; readonly since: number };

type Waiting = Fate<unknown> & { readonly fate: 'waits' };

/** The table, by datagram and way. */
export interface FragmentTable<C> {
  get(datagram: Datagram, way: FragmentWay): Fate<C> | undefined;
  set(datagram: Datagram, way: FragmentWay, fate: Fate<C>): void;
  delete(datagram: Datagram, way: FragmentWay): void;
  /** Keeps a waiting fragment, for which another may have to go. */
  hold(fate: Waiting, one: HeldFragment): void;
  /** Entries by their fate. */
  count(): Readonly<Partial<Record<Fate<unknown>['fate'], number>>>;
}

/** Entries to each fragment that may be held. */
const HELD_SHARE = 8;

/** An IPv6 datagram is known by its identification alone (RFC 8200, 4.5). */
const keyOf = ({ family, source, target, protocol, id }: Datagram, way: FragmentWay): string =>
  `${way} ${source.join('.')} ${target.join('.')} ${family === 4 ? protocol : 0} ${id}`;

/** An empty table with room for so many entries. */
export function createFragments<C>(size: number): FragmentTable<C> {
  const entries = new Map<string, Fate<C>>();
  const waiting: { readonly fate: Waiting; readonly one: HeldFragment }[] = [];
  const put = (key: string, fate: Fate<C>): void => {
    entries.delete(key);
    entries.set(key, fate);
    if (entries.size > size) entries.delete(entries.keys().next().value!);
  };
  const isHeld = ({ fate, one }: (typeof waiting)[number]): boolean => fate.held.includes(one);
  return {
    get: (datagram, way) => {
      const key = keyOf(datagram, way);
      const fate = entries.get(key);
      if (fate !== undefined) put(key, fate);
      return fate;
    },
    set: (datagram, way, fate) => put(keyOf(datagram, way), fate),
    delete: (datagram, way) => void entries.delete(keyOf(datagram, way)),
    hold: (fate, one) => {
      fate.held.push(one);
      waiting.push({ fate, one });
      if (waiting.length <= Math.floor(size / HELD_SHARE)) return;
      const oldest = waiting.shift()!;
      if (isHeld(oldest)) oldest.fate.held.splice(oldest.fate.held.indexOf(oldest.one), 1);
    },
    count: () => {
      const counts: Partial<Record<Fate<unknown>['fate'], number>> = {};
      for (const { fate } of entries.values()) counts[fate] = (counts[fate] ?? 0) + 1;
      return counts;
    },
  };
}
