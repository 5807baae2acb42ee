/** ip_vs as the table of ipvsadm. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { IpvsTable } from '../dataplane/ipvs/table.ts';
import { KernelError } from '../kernel/errors.ts';
import { type ListedConnection, parseConnection } from './render-rest.ts';
import type { Table } from './table.ts';

const CONNECTIONS = '/proc/net/ip_vs_conn';

/** There is no ip_vs to speak to; `words` say why, as ipvsadm does. */
export class NoIpvs extends Error {
  override readonly name = 'NoIpvs';
}

/** Opens ip_vs, loading its module if it has to. Throws a `NoIpvs` with the kernel's refusal as its cause. */
export function openKernelTable(): Table {
  let table: IpvsTable;
  try {
    table = openLoaded();
    // Who may not change anything may not look either, and is told so at once.
    table.info();
  } catch (error) {
    if (error instanceof KernelError) throw new NoIpvs(wordsFor(error), { cause: error });
    throw error;
  }
  return Object.assign(table, { connections: readConnections });
}

function wordsFor({ code, message }: KernelError): string {
  if (code !== 'ENOENT') return message;
  return 'the kernel has no ip_vs, or its module cannot be loaded; modprobe ip_vs, run as root, says why';
}

function openLoaded(): IpvsTable {
  try {
    return new IpvsTable();
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== 'ENOENT') throw error;
    try {
      execFileSync('modprobe', ['-q', 'ip_vs'], { stdio: 'ignore' });
    } catch {
      throw error;
    }
    return new IpvsTable();
  }
}

function* readConnections(): Generator<ListedConnection> {
  for (const line of lines(CONNECTIONS)) {
    const one = parseConnection(line);
    if (one !== undefined) yield one;
  }
}

/** A file's lines, a piece at a time: there may be a million connections. */
function* lines(path: string): Generator<string> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(65_536);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      const pieces = (rest + decoder.write(buffer.subarray(0, length))).split('\n');
      rest = pieces.pop()!;
      yield* pieces;
    }
    if (rest !== '') yield rest;
  } finally {
    closeSync(fd);
  }
}
