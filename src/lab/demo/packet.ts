/** Follows one request and its reply through the lab: seen by packet sockets, at every place they pass. */
import type { Sighting } from '../capture/wire.ts';
import type { Lab } from '../lab.ts';
import type { LabProcess } from '../process.ts';
import { programArgv } from '../programs.ts';
import type { LabHost } from '../topology.ts';
import { type Cast, vip } from './cast.ts';

interface Tap {
  readonly host: LabHost;
  readonly process: LabProcess;
}

async function openTap(lab: Lab, host: LabHost): Promise<Tap> {
  const process = await lab.spawn(host, [...programArgv('capture'), '80'], {
    title: `capture on ${host.name}`,
  });
  await process.waitForLine((line) => line === 'ready');
  return { host, process };
}

const sightingOf = (line: string): Sighting | undefined =>
  line.startsWith('{') ? (JSON.parse(line) as Sighting) : undefined;

/** Waits until a tap has seen a segment that passes. */
async function seen({ process }: Tap, accept: (segment: Sighting) => boolean): Promise<Sighting> {
  const line = await process.waitForLine((text) => {
    const sighting = sightingOf(text);
    return sighting !== undefined && accept(sighting);
  }, 5_000);
  return sightingOf(line)!;
}

/** A place on the packet's way. */
interface Place {
  readonly tap: Tap;
  readonly interface: string;
  readonly direction: 'in' | 'out';
}

/** The same packet at each place: its sequence number stays as it is. */
function follow(places: readonly Place[], sequence: number): Promise<Sighting[]> {
  return Promise.all(
    places.map((place) =>
      seen(
        place.tap,
        (one) =>
          one.sequence === sequence && one.interface === place.interface && one.direction === place.direction,
      ),
    ),
  );
}

/** What differs between the same packet at two places, in words. */
function changes(before: Sighting, after: Sighting): string[] {
  const source = before.source !== after.source || before.sourcePort !== after.sourcePort;
  const destination =
    before.destination !== after.destination || before.destinationPort !== after.destinationPort;
  return [
    ...(source ? ['source rewritten'] : []),
    ...(destination ? ['destination rewritten'] : []),
    ...(after.ttl === before.ttl ? [] : [`TTL ${after.ttl - before.ttl}`]),
  ];
}

function rows({ stage }: Cast, places: readonly Place[], way: readonly Sighting[]): string[] {
  return way.flatMap((one, index) => {
    const before = way[index - 1] ?? one;
    const { host, interface: name } = { ...places[index]!, host: places[index]!.tap.host };
    const cell = (now: string, was: string, width: number): string =>
      now === was ? now.padEnd(width) : stage.style.yellow(now.padEnd(width));
    const source = cell(`${one.source}:${one.sourcePort}`, `${before.source}:${before.sourcePort}`, 20);
    const destination = cell(
      `${one.destination}:${one.destinationPort}`,
      `${before.destination}:${before.destinationPort}`,
      20,
    );
    const ttl = cell(String(one.ttl).padStart(3), String(before.ttl).padStart(3), 3);
    const where = `${host.name} ${name} ${one.direction}`.padEnd(20);
    const changed = changes(before, one);
    const row = `${where} ${source} → ${destination} ${ttl}`;
    return changed.length === 0 ? [row] : [stage.style.dim(`  ↓ weir: ${changed.join(', ')}`), row];
  });
}

const heading = (what: string): string =>
  `${what.padEnd(20)} ${'source'.padEnd(20)}   ${'destination'.padEnd(20)} TTL`;

/** Captures, shows and checks one request with its reply. */
export async function showPacket(cast: Cast): Promise<void> {
  const { stage, lab, client1 } = cast;
  const taps = await Promise.all(
    [lab.clients[0]!, lab.director, ...lab.servers].map((host) => openTap(lab, host)),
  );
  const [clientTap, directorTap, ...serverTaps] = taps as [Tap, Tap, ...Tap[]];
  const { byServer } = await client1.requests({ url: `http://${vip}/`, count: 1 });
  const tap = serverTaps.find(({ host }) => byServer[host.name] === 1);
  stage.check(tap !== undefined, 'the request whose packets were to be followed got no answer');
  const client = clientTap.host.ipv4;
  const forward: Place[] = [
    { tap: clientTap, interface: 'eth0', direction: 'out' },
    { tap: directorTap, interface: 'eth0', direction: 'in' },
    { tap: directorTap, interface: 'eth1', direction: 'out' },
    { tap: tap!, interface: 'eth0', direction: 'in' },
  ];
  const back: Place[] = [
    { tap: tap!, interface: 'eth0', direction: 'out' },
    { tap: directorTap, interface: 'eth1', direction: 'in' },
    { tap: directorTap, interface: 'eth0', direction: 'out' },
    { tap: clientTap, interface: 'eth0', direction: 'in' },
  ];
  const asked = await seen(clientTap, (one) => one.destination === vip);
  const answered = await seen(
    tap!,
    (one) => one.source === tap!.host.ipv4 && one.destinationPort === asked.sourcePort,
  );
  const request = await follow(forward, asked.sequence);
  const reply = await follow(back, answered.sequence);
  for (const one of taps) await one.process.stop();

  const [before, , after] = request as [Sighting, Sighting, Sighting];
  const [replyBefore, , replyAfter] = reply as [Sighting, Sighting, Sighting];
  stage.show(
    [
      stage.style.bold(heading('the request')),
      ...rows(cast, forward, request),
      '',
      stage.style.bold(heading('the reply')),
      ...rows(cast, back, reply),
    ].join('\n'),
  );
  stage.check(
    before.destination === vip && after.destination === tap!.host.ipv4 && after.source === client,
    `the request was not rewritten from ${vip} to ${tap!.host.ipv4}`,
  );
  stage.check(
    replyBefore.source === tap!.host.ipv4 && replyAfter.source === vip && replyAfter.destination === client,
    `the reply was not rewritten from ${tap!.host.ipv4} to ${vip}`,
  );
  stage.check(
    after.ttl === before.ttl - 1 && replyAfter.ttl === replyBefore.ttl - 1,
    'the director is one hop, but the TTL did not fall by one',
  );
}
