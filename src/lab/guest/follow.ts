/** Reads a file that somebody else writes, as it grows: nothing tells the host of what a guest has written. */
import { existsSync, readFileSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const EVERY_MS = 1_000;

/** Tells of each piece that has been added, also of what was there at the first look; the function that it returns looks once more and ends that. */
export function followFile(path: string, tell: (piece: string) => void): () => void {
  const decoder = new StringDecoder('utf8');
  let told = 0;
  const look = (): void => {
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    const piece = decoder.write(bytes.subarray(told));
    told = bytes.length;
    if (piece !== '') tell(piece);
  };
  const timer = setInterval(look, EVERY_MS);
  return () => {
    clearInterval(timer);
    look();
  };
}
