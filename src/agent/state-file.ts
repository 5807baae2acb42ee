/** The file that says what an operator wants of the server: it outlives the agent, and a start of the machine. */
import { parseWanted, READY, type Wanted, wantedLine } from '../core/agent/answer.ts';
import { readIfThere, writeDurably } from '../kernel/durable.ts';

/** What is wanted; `ready` if there is no file. Throws an Error for a file that cannot be read or understood. */
export function readWanted(path: string): Wanted {
  const text = readIfThere(path);
  if (text === undefined) return READY;
  const wanted = parseWanted(text);
  if (wanted === undefined)
    throw new Error(
      `${path} holds none of ready, drain, maint, down, stopped; write it by weir agent --state`,
    );
  return wanted;
}

/** Keeps what is wanted; everybody may read it, as the agent is nobody in particular. Throws a NotWritten. */
export function writeWanted(path: string, wanted: Wanted): void {
  writeDurably(path, wantedLine(wanted), { mode: 0o644 });
}
