/** The control socket: a unix socket that only its owner can open, one living daemon behind it. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import type { ReportFailure } from './app.ts';
import { controlClient, DaemonUnreachable } from './client.ts';
import type { Control } from './control.ts';
import { closing, LIMITS, MAX_CONNECTIONS } from './http-limits.ts';
import { controlRoutes } from './routes.ts';
import { checkSocketPath } from './socket-path.ts';

/** Another daemon answers on the socket. `pid` is its process id. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
  readonly pid: number;
  constructor(pid: number, socketPath: string) {
    super(`weir is already running (pid ${pid}, it answers on ${socketPath}); stop it first`);
    this.pid = pid;
  }
}

/** An open control socket. */
export interface ControlServer {
  /** Stops listening, lets answers under way get out for at most `graceMs` (default 2,000), and removes the socket. */
  close(graceMs?: number): Promise<void>;
}

/** Binds the socket; rejects with the system's error, EADDRINUSE if the path is taken. */
function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node binds inside listen(), so the mask holds from the socket's first moment: nobody else can ever connect.
    const mask = process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

/** Removes the socket that a dead daemon left; throws AlreadyRunning if somebody answers on it. */
async function clearStaleSocket(socketPath: string): Promise<void> {
  // Connecting to a plain file is refused too, and that file is not ours to remove.
  if (!lstatSync(socketPath).isSocket()) throw new Error(`${socketPath} is in the way: it is not a socket`);
  try {
    const { pid } = await controlClient(socketPath).status();
    throw new AlreadyRunning(pid, socketPath);
  } catch (error) {
    if (!(error instanceof DaemonUnreachable) || error.reason !== 'refused') throw error;
    unlinkSync(socketPath);
  }
}

/**
 * Serves the control API on `socketPath`; its directory is made (0700) if it is missing. Rejects with AlreadyRunning
 * if a living daemon answers there, and with the system's error if the path cannot be bound. `report` is told of
 * requests that failed, for the log.
 */
export async function serveControl(
  control: Control,
  socketPath: string,
  report: ReportFailure = () => {},
): Promise<ControlServer> {
  checkSocketPath(socketPath);
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  const server = createAdaptorServer({
    fetch: controlRoutes(control, report).fetch,
    overrideGlobalObjects: false,
    serverOptions: LIMITS,
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await listen(server, socketPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await clearStaleSocket(socketPath);
    await listen(server, socketPath);
  }
  return { close: closing(server) };
}
