/** The same API over TCP: with TLS, and only for who shows the token. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { formatEndpoint, parseAddress, parseEndpoint } from '../core/address/address.ts';
import type { App, ReportFailure } from './app.ts';
import type { Control } from './control.ts';
import { closing, LIMITS, MAX_CONNECTIONS } from './http-limits.ts';
import { problemResponse } from './problem.ts';
import { controlRoutes } from './routes.ts';
import type { ControlServer } from './server.ts';
import { readSecret, readToken, SecretRefused, tokenCheck } from './token.ts';

/** Where to listen and by what to be trusted; there is no plain TCP. */
export interface RemoteOptions {
  /** `address:port`, IPv6 in brackets; port 0 for any. */
  readonly listen: string;
  /** PEM: the certificate, and those that vouch for it. */
  readonly cert: string;
  /** PEM: its key; nobody but its owner and group may read the file. */
  readonly key: string;
  /** A file for its owner alone that holds the token. */
  readonly tokenFile: string;
}

/** An open listener. */
export interface RemoteServer extends ControlServer {
  /** Where it listens, the port as chosen. */
  readonly address: string;
}

/** Reads `address:port` with port 0 too; throws a RangeError that says what was expected. */
function listenPlace(text: string): { host: string; port: number } {
  const endpoint = parseEndpoint(text.replace(/:0$/, ':1'));
  if (endpoint === undefined)
    throw new RangeError(
      `"${text}" is no address and port to listen on; write 192.0.2.1:8443 or [2001:db8::1]:8443, no names`,
    );
  return { host: endpoint.address, port: /:0$/.test(text) ? 0 : endpoint.port };
}

/**
 * Serves the API over TLS. Rejects with SecretRefused for files that cannot be used, and with the system's error when the
 * address cannot be bound.
 */
export async function serveRemote(
  control: Control,
  options: RemoteOptions,
  report: ReportFailure = () => {},
): Promise<RemoteServer> {
  const { host, port } = listenPlace(options.listen);
  const server = secureServer(guarded(controlRoutes(control, report), readToken(options.tokenFile)), options);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Who breaks off a handshake is no reason to end.
  server.on('tlsClientError', () => {});
  const { port: chosen } = server.address() as AddressInfo;
  const address = parseAddress(host);
  return {
    address: address === undefined ? `${host}:${chosen}` : formatEndpoint({ address, port: chosen }),
    close: closing(server),
  };
}

function secureServer(app: App, { cert, key }: RemoteOptions): Server {
  try {
    const server = createAdaptorServer({
      fetch: app.fetch,
      overrideGlobalObjects: false,
      createServer,
      serverOptions: {
        ...LIMITS,
        handshakeTimeout: LIMITS.headersTimeout,
        minVersion: 'TLSv1.2',
        cert: readFileSync(cert),
        key: readSecret(key, 0o007, 'chmod o-rwx'),
      },
    }) as unknown as Server;
    server.maxConnections = MAX_CONNECTIONS;
    return server;
  } catch (error) {
    if (error instanceof SecretRefused) throw error;
    throw new SecretRefused(`${cert} with ${key} makes no TLS server: ${(error as Error).message}`);
  }
}

/** Lets nobody through to any route who does not show the token. */
function guarded(inner: App, token: string): App {
  const shows = tokenCheck(token);
  const app: App = new Hono();
  app.use(async (c, next) => {
    if (shows(c.req.header('authorization'))) return next();
    const refused = problemResponse('unauthorized', 'Send Authorization: Bearer with the daemon’s token.');
    refused.headers.set('www-authenticate', 'Bearer realm="weir"');
    return refused;
  });
  app.route('/', inner);
  app.notFound((c) => problemResponse('not-found', `No route ${c.req.method} ${c.req.path}.`));
  return app;
}
