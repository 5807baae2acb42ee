/** Files of rules: how they are written and read. */
import { readFileSync } from 'node:fs';
import { writeDurably } from '../kernel/durable.ts';
import { EXIT, execute, type Place } from './execute.ts';
import type { ProgramIo } from './main.ts';
import { replaceByRules } from './restore.ts';

async function inPlace(
  io: Omit<ProgramIo, 'input'>,
  use: (place: Place) => Promise<number>,
): Promise<number> {
  const table = await io.open();
  try {
    return await use({ ...io, table });
  } finally {
    await table.close();
  }
}

/**
 * Writes rules that make all there is, thresholds, time-outs and sync daemons included, so that a crash or a full disk
 * leaves the old file or the new one. Resolves to the exit code of ipvsadm; throws a NotWritten.
 */
export async function saveRules(path: string, io: Omit<ProgramIo, 'input'>): Promise<number> {
  let text = '# Written by weir save; read by weir restore and by ipvsadm-restore.\n';
  const out = (piece: string) => {
    text += piece;
  };
  const code = await inPlace({ ...io, out }, (place) =>
    execute({ kind: 'save', numeric: true, all: true }, place),
  );
  if (code === EXIT.done) writeDurably(path, text);
  return code;
}

/** Replaces what there is by what a file says; resolves to the exit code of ipvsadm. */
export function restoreRules(path: string, io: Omit<ProgramIo, 'input'>): Promise<number> {
  const bytes = readFileSync(path);
  return inPlace(io, (place) => replaceByRules(bytes, place));
}
