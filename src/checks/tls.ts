/** TLS for the checks that can have it: what is shown and trusted, and when to warn of a certificate. */
import { readFile, stat } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext, type TLSSocket } from 'node:tls';
import type { CheckTls } from '../core/model/check-protocols.ts';
import { CannotAsk } from './outcome.ts';

/** The longest file of certificates or keys that is read, in bytes: a bundle of all authorities has some 250 KB. */
const MAX_FILE = 1_048_576;
const DAY_MS = 86_400_000;

/** What `tls.connect` and `https.request` need to know; rejects with CannotAsk when a file cannot be used. */
export async function tlsOptions(tls: CheckTls): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(readPem));
  try {
    return {
      secureContext: createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
      // An empty name asks for none; the certificate is then looked at for the address.
      servername: tls.server_name ?? '',
      rejectUnauthorized: tls.verify,
    };
  } catch (error) {
    const files = [tls.ca, tls.cert, tls.key].filter((path) => path !== undefined).join(', ');
    throw new CannotAsk(`the director cannot use ${files}: ${(error as Error).message}`);
  }
}

async function readPem(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    const found = await stat(path);
    // To read a pipe might never end.
    if (!found.isFile()) throw new CannotAsk(`${path} is not a file`);
    if (found.size > MAX_FILE) throw new CannotAsk(`${path} is longer than ${MAX_FILE / 1_048_576} MiB`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof CannotAsk) throw error;
    const { code = 'failed' } = error as NodeJS.ErrnoException;
    throw new CannotAsk(`the director cannot read ${path}: ${code}`);
  }
}

/** The warning of a certificate that expires within the days asked for; the same text each day, so that it is one warning. */
export function expiryWarning(socket: TLSSocket, { certificate_days }: CheckTls): string | undefined {
  if (certificate_days === 0) return undefined;
  const expires = Date.parse(socket.getPeerCertificate().valid_to);
  if (!(expires - Date.now() < certificate_days * DAY_MS)) return undefined;
  const ends = expires < Date.now() ? 'expired' : 'expires';
  return `its certificate ${ends} on ${new Date(expires).toISOString().slice(0, 10)}`;
}
