/** The nft program: started without a shell, spoken to in JSON. */
import { execFile } from 'node:child_process';
import { codeOf, HostError } from './errors.ts';
import { type MasqueradeTable, readTable, TABLE } from './masquerade-rules.ts';

/** nft lies in sbin, which the PATH of a service or of an ordinary user may lack. */
const PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';
/** nft answers within milliseconds; a hung one must not stop the loop for ever. In milliseconds. */
const TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;
const SUBJECT = `nft table ${TABLE.family} ${TABLE.name}`;

/** Runs `nft -j …`; returns what it prints. A `HostError` says what nft complained of. */
function runNft(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { PATH, LC_ALL: 'C' }, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
    execFile(program, ['-j', ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (codeOf(error) === 'ENOENT') {
        reject(
          new HostError(program, 'not found, and masquerading needs it; apt-get install nftables', error),
        );
      } else {
        const complaint = stderr.trim() === '' ? error.message : stderr.trim();
        reject(new HostError(SUBJECT, `nft failed (run as root?): ${complaint}`, error));
      }
    });
  });
}

/**
 * Executes commands in nft's JSON as one transaction: all of them or none. They travel as an argument, at most 128 KiB
 * (execve(2)), some 500 rules: `nft -f -` opens /dev/stdin anew, which fails for the socket that Node makes of it.
 */
export async function applyNft(program: string, commands: string): Promise<void> {
  await runNft(program, commands);
}

/** Weir's table; undefined if there is none. */
export async function listTable(program: string): Promise<MasqueradeTable | undefined> {
  // Listing a missing table and a real fault exit alike, so ask first which tables there are.
  const tables = await runNft(program, 'list', 'tables', TABLE.family);
  const known: unknown = JSON.parse(tables);
  if (!namesTable(known)) return undefined;
  const text = await runNft(program, 'list', 'table', TABLE.family, TABLE.name);
  const table = readTable(text);
  if (table === undefined) throw new HostError(SUBJECT, 'nft printed something that is not its JSON');
  return table;
}

function namesTable(listing: unknown): boolean {
  const entries: unknown = (listing as { readonly nftables?: unknown }).nftables;
  if (!Array.isArray(entries)) throw new HostError(SUBJECT, 'nft printed something that is not its JSON');
  return entries.some((entry: { readonly table?: { readonly family?: string; readonly name?: string } }) => {
    return entry.table?.family === TABLE.family && entry.table.name === TABLE.name;
  });
}
