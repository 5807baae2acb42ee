/** The file that says, over the configuration, which data plane directs, and whether another one still has connections. */
import { join } from 'node:path';
import { z } from 'zod';
import { PLANE_KINDS, type PlaneKind } from '../core/model/host.ts';
import { writeDurably } from '../kernel/durable.ts';
import { readJsonIfThere } from '../kernel/json.ts';

const schema = z.strictObject({
  version: z.literal(1),
  chosen: z.strictObject({ plane: z.enum(PLANE_KINDS), since: z.iso.datetime() }).exactOptional(),
  migration: z
    .strictObject({
      from: z.enum(PLANE_KINDS),
      since: z.iso.datetime(),
      until: z.iso.datetime(),
      phase: z.enum(['preparing', 'switched']),
      back: z.strictObject({ since: z.iso.datetime(), until: z.iso.datetime() }).exactOptional(),
    })
    .exactOptional(),
});

/** What is kept. In a file, so that no crash can tell one part from the other. */
export interface DataplaneRecord {
  /** What an operator has chosen by migrating to it; the configuration's own word does not count then. */
  readonly chosen?: { readonly plane: PlaneKind; readonly since: string };
  readonly migration?: {
    /** Who finishes its connections, or, while the other one is being prepared, still directs. */
    readonly from: PlaneKind;
    /** ISO 8601, UTC. */
    readonly since: string;
    /** Until when `from` stays at most. */
    readonly until: string;
    readonly phase: 'preparing' | 'switched';
    /** The migration that this one, on its way back, turns round: the one to go on with when it fails. */
    readonly back?: { readonly since: string; readonly until: string };
  };
}

/** The other of the two. */
export const otherPlane = (kind: PlaneKind): PlaneKind => (kind === 'bpf' ? 'ipvs' : 'bpf');

/** Where it is kept. */
export interface DataplaneFile {
  /** Nothing if there is no file. Throws an Error for one that is damaged. */
  load(): DataplaneRecord;
  /** Keeps it, so that a crash leaves what was or this. Throws an Error when it cannot. */
  save(record: DataplaneRecord): void;
}

/** The plane that was chosen over the configuration. Throws an Error for a file that is damaged. */
export const chosenPlane = (stateDir: string): PlaneKind | undefined =>
  dataplaneFile(stateDir).load().chosen?.plane;

/** The file in a state directory. */
export function dataplaneFile(stateDir: string): DataplaneFile {
  const path = join(stateDir, 'dataplane.json');
  return {
    load() {
      const { version: _, ...record } = readJsonIfThere(path, schema, ADVICE) ?? { version: 1 };
      return record;
    },
    save: (record) => writeDurably(path, `${JSON.stringify({ version: 1, ...record }, undefined, 2)}\n`),
  };
}

const ADVICE =
  'it says which data plane directs, and what a migration has come to: repair it, or take everything down with weir down, and delete it';
