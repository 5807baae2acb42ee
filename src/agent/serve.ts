/** Answers directors over TCP: a line for each connection, as HAProxy's agent-check has it. Whoever is not allowed gets nothing. */
import { type AddressInfo, BlockList, createServer, type Socket } from 'node:net';
import {
  type Address,
  type Endpoint,
  embeddedIpv4,
  familyOf,
  type Prefix,
  parseAddress,
} from '../core/address/address.ts';

/** The most connections at a time; more are closed at once. */
export const MAX_CONNECTIONS = 64;
/** How long a connection may last, in milliseconds. */
const LAST_MS = 10_000;

/** What it stands on. */
export interface ServeParts {
  readonly listen: Endpoint;
  /** Who is answered. */
  readonly allow: readonly Prefix[];
  /** The line to answer; undefined to close without one. Never rejects. */
  readonly answer: () => Promise<string | undefined>;
  /** Told of who is not allowed. */
  readonly refused: (address: string) => void;
}

/** What answers. */
export interface Answering {
  /** Where it really listens: port 0 is any. */
  readonly at: Endpoint;
  close(): Promise<void>;
}

/** Begins to answer; rejects with the system's error when the address cannot be bound. */
export async function serveAgent({ listen, allow, answer, refused }: ServeParts): Promise<Answering> {
  const allowed = new BlockList();
  for (const { address, length } of allow) allowed.addSubnet(address, length, familyName(address));
  const open = new Set<Socket>();
  const server = createServer({ pauseOnConnect: false }, (socket) => {
    const from = plainAddress(socket.remoteAddress);
    if (from === undefined || !allowed.check(from, familyName(from))) {
      refused(socket.remoteAddress ?? 'unknown');
      socket.destroy();
      return;
    }
    open.add(socket);
    const timer = setTimeout(() => socket.destroy(), LAST_MS);
    socket.on('close', () => {
      clearTimeout(timer);
      open.delete(socket);
    });
    socket.on('error', () => {});
    // What a director sends first is read and forgotten: unread, it would turn the end of the answer into a reset.
    socket.resume();
    void answer().then((line) => (line === undefined ? socket.destroy() : socket.end(line)));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listen.address, port: listen.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    at: { ...listen, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

const familyName = (address: Address) => (familyOf(address) === 4 ? 'ipv4' : 'ipv6');

/** An IPv4 client of an IPv6 socket as what it is; undefined for one that is gone, or of a link (fe80::1%eth0). */
function plainAddress(text: string | undefined): Address | undefined {
  const address = parseAddress(text ?? '');
  return address && (embeddedIpv4(address) ?? address);
}
