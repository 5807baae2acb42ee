/**
 * The lab's client program. Usage: client VERB OPTIONS, where OPTIONS is JSON as client/wire.ts has it. It is started
 * inside a client's namespace by client-api.ts and writes one JSON object a line, the last one being the result.
 */
import { createInterface } from 'node:readline';
import { runDownload } from './client/download.ts';
import { runFlood } from './client/flood.ts';
import { runFrames } from './client/frames.ts';
import { runHold } from './client/hold.ts';
import { runRequests } from './client/requests.ts';
import { runUdp } from './client/udp.ts';
import type { ClientCommand, ClientContext, ClientEvent, ClientVerbs } from './client/wire.ts';

type Runner<V extends keyof ClientVerbs> = (
  options: ClientVerbs[V]['options'],
  context: ClientContext,
) => Promise<ClientVerbs[V]['result']>;

const runners: { readonly [V in keyof ClientVerbs]: Runner<V> } = {
  requests: runRequests,
  download: runDownload,
  hold: runHold,
  udp: runUdp,
  flood: runFlood,
  frames: runFrames,
};

function tell(event: ClientEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

async function main(): Promise<void> {
  const [verb = '', options = '{}'] = process.argv.slice(2);
  if (!Object.hasOwn(runners, verb))
    throw new Error(`unknown verb ${JSON.stringify(verb)}; one of ${Object.keys(runners).join(', ')}`);
  const run: (options: never, context: ClientContext) => Promise<unknown> =
    runners[verb as keyof ClientVerbs];
  const callbacks: ((command: ClientCommand) => void)[] = [];
  const input = createInterface({ input: process.stdin });
  input.on('line', (line) => {
    for (const callback of callbacks) callback(line as ClientCommand);
  });
  const result = await run(JSON.parse(options) as never, {
    tell,
    onCommand: (callback) => callbacks.push(callback),
  });
  tell({ event: 'result', result });
  input.close();
  process.stdin.destroy();
}

await main();
