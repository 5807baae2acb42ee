/** Servers of this process for the tests of checks, on the loopback interface; and certificates that openssl makes. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseAddress } from '../core/address/address.ts';
import type { CheckResult } from '../core/health/state.ts';
import type { Check } from '../core/model/check.ts';
import { Connector } from '../kernel/connector.ts';
import { Pinger } from '../kernel/pinger.ts';
import { askBy, attempt } from './attempt.ts';
import { noteGroups } from './groups.ts';
import type { Stalls } from './stalls.ts';

export const LOOPBACK = parseAddress('127.0.0.1')!;
const NOT_LATE: Stalls = { total: () => 0, close: () => {} };
export const TIMING = { interval: 5_000, timeout: 1_000, rise: 1, fall: 1 };

/** Makes a check once, by a thread that is never late unless it is told so. */
export async function make(check: Check, stalls: Stalls = NOT_LATE): Promise<CheckResult> {
  const connector = new Connector();
  const pinger = new Pinger();
  try {
    return await attempt(check, {
      ask: askBy({ connector, pinger, watch: noteGroups(undefined) }),
      stalls,
      cancel: new AbortController().signal,
    });
  } finally {
    connector.close();
    pinger.close();
  }
}

/** Servers that end together. */
export interface TestServers {
  /** Lets a server listen, and gives its port. */
  listen(server: Server): Promise<number>;
  /** Listens for connections that `talk` is to talk with. */
  raw(talk: (socket: Socket) => void): Promise<number>;
  /** A port at which nobody listens. */
  closed(): Promise<number>;
  end(): Promise<void>;
}

export function testServers(): TestServers {
  const open: { server: Server; sockets: Set<Socket> }[] = [];
  const end = async ({ server, sockets }: (typeof open)[number]) => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  const listen = async (server: Server): Promise<number> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    open.push({ server, sockets });
    server.listen(0, LOOPBACK);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const raw = (talk: (socket: Socket) => void) => listen(createServer(talk));
  return {
    listen,
    raw,
    async closed() {
      const port = await raw(() => {});
      await end(open.pop()!);
      return port;
    },
    async end() {
      for (const one of open.splice(0)) await end(one);
    },
  };
}

/** A certificate with its key, as paths and as what is in them. */
export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** An authority that signs certificates, in a directory of the test. */
export interface TestAuthority extends TestCertificate {
  /** Signs one for `names` (subjectAltName) that is valid for `days` from now; none or less has expired. */
  sign(name: string, names: string, days: number): TestCertificate;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function testAuthority(dir: string, name: string): TestAuthority {
  const openssl = (...parts: readonly string[]) => execFileSync('openssl', parts, { stdio: 'ignore' });
  const paths = (of: string) => ({ certFile: join(dir, `${of}.pem`), keyFile: join(dir, `${of}.key`) });
  const read = (files: { certFile: string; keyFile: string }): TestCertificate => ({
    ...files,
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
  });
  const own = paths(name);
  const subject = ['-subj', `/CN=${name}`];
  openssl('req', '-x509', ...EC, ...subject, '-days', '9', '-keyout', own.keyFile, '-out', own.certFile);
  return {
    ...read(own),
    sign(of, names, days) {
      const files = paths(of);
      const request = join(dir, `${of}.csr`);
      const extensions = join(dir, `${of}.ext`);
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      openssl('req', ...EC, '-subj', `/CN=${of}`, '-keyout', files.keyFile, '-out', request);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', own.certFile, '-CAkey', own.keyFile, '-CAcreateserial'],
        ...['-days', String(days), '-extfile', extensions, '-out', files.certFile],
      );
      return read(files);
    },
  };
}
