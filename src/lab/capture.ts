/**
 * The lab's capture program. Usage: capture PORT
 *
 * Prints `ready`, then one JSON object (capture/wire.ts) for every TCP segment over IPv4 that carries payload from or
 * to the port and comes or goes by any interface of its namespace. Ends on TERM.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { openPacketSocket } from './capture/packet-socket.ts';
import { parseSegment } from './capture/segment.ts';
import type { Sighting } from './capture/wire.ts';

/** Between two looks, in milliseconds: the kernel keeps what comes meanwhile. */
const pause = 5;

async function main(): Promise<void> {
  const port = Number(process.argv[2]);
  if (!Number.isInteger(port)) throw new Error('usage: capture PORT');
  const socket = openPacketSocket();
  process.on('SIGTERM', () => process.exit(0));
  console.log('ready');
  for (;;) {
    for (let frame = socket.read(); frame !== undefined; frame = socket.read()) {
      const segment = parseSegment(frame.bytes);
      if (segment === undefined || segment.length === 0) continue;
      if (segment.sourcePort !== port && segment.destinationPort !== port) continue;
      const sighting: Sighting = { interface: frame.interface, direction: frame.direction, ...segment };
      console.log(JSON.stringify(sighting));
    }
    await wait(pause);
  }
}

await main();
