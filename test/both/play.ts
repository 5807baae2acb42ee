/** Plays scenarios on a stage and notes what is seen, the same for either plane. */
import { type Endpoint, familyOf, formatEndpoint, parseEndpoint } from '../../src/core/address/address.ts';
import { serviceKey, type VirtualService } from '../../src/core/model/service.ts';
import { endsOf } from '../contract/conversation.ts';
import { fragmentsOf, icmpPacket, transportPacket } from '../contract/frames.ts';
import { type AllSeen, ERRORS, FLAGS, type Scenario, type Seen, type Step } from './scenario.ts';
import { packetsText } from './show.ts';
import type { Came, Stage } from './stage.ts';

type FlowStep = Extract<Step, { readonly from: string }>;

/** Bytes that each fragment carries. */
const FRAGMENT = 1448;
/** Milliseconds after which ip_vs has added its counters up (2 s), and some more. */
const COUNTED = 4_500;

const payloadOf = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i % 251);

/** As the first fragment of an IPv6 packet would be without its header, so that its ports stand where they always do. */
const withoutFragmentHeader = (packet: Uint8Array): Uint8Array =>
  packet[0]! >> 4 === 6 && packet[6] === 44
    ? Uint8Array.of(...packet.subarray(0, 40), ...packet.subarray(48))
    : packet;

/** A scenario on its way: each `next` plays it up to its next wait, whose length it yields, in seconds. */
function* playOne(stage: Stage, { services: first, steps }: Scenario, seen: Record<string, string | number>) {
  const services: VirtualService[] = [...first];
  /** What the server of a flow has got: the client, as it sees it, and itself. */
  const got = new Map<string, { readonly client: Endpoint; readonly server: Endpoint }>();
  /** When its latest packet was sent. */
  const lastAt = new Map<string, number>();
  let datagrams = 0;
  const targetOf = ({ to = 0, port }: FlowStep): Endpoint => {
    const { address, port: own } = first[to]!;
    return { address, port: port ?? own };
  };
  const flowOf = (step: FlowStep): string => `${step.from} > ${formatEndpoint(targetOf(step))}`;
  const note = (at: string, came: Came): void => {
    seen[at] = packetsText(came.there);
    if (came.back.length > 0) seen[`${at}, back`] = packetsText(came.back);
  };
  const packets = (source: Endpoint, target: Endpoint, step: FlowStep, flags: number): Uint8Array[] => {
    const { protocol } = first[step.to ?? 0]!;
    const bytes = 'bytes' in step ? (step.bytes ?? 12) : 0;
    const packet = transportPacket({
      protocol,
      source: source.address,
      sourcePort: source.port,
      target: target.address,
      targetPort: target.port,
      flags,
      payload: payloadOf(bytes),
      ...('ttl' in step && step.ttl !== undefined && { ttl: step.ttl }),
    });
    return bytes > FRAGMENT ? fragmentsOf(packet, ++datagrams, FRAGMENT) : [packet];
  };
  /** From the client; where a server gets it, that is kept. */
  const request = (at: string, step: FlowStep, flags: number): void => {
    const came = stage.send('public', packets(parseEndpoint(step.from)!, targetOf(step), step, flags));
    lastAt.set(flowOf(step), performance.now());
    note(at, came);
    const [packet] = came.there;
    if (packet === undefined) return;
    const { source, target } = endsOf(withoutFragmentHeader(packet));
    got.set(flowOf(step), { client: source, server: target });
  };
  const answer = (at: string, step: FlowStep, flags: number): void => {
    const ends = got.get(flowOf(step));
    if (ends === undefined) {
      seen[at] = 'nobody to answer';
      return;
    }
    const came = stage.send('private', packets(ends.server, ends.client, step, flags));
    lastAt.set(flowOf(step), performance.now());
    note(at, came);
  };
  const complain = (at: string, step: Extract<Step, { readonly do: 'error' }>): void => {
    const client = parseEndpoint(step.from)!;
    const family = familyOf(client.address);
    const ends = got.get(flowOf(step));
    if (ends === undefined) {
      seen[at] = 'nobody to complain';
      return;
    }
    const [type, code] = ERRORS[step.what][family];
    const virtual = targetOf(step);
    const [about, by] =
      step.by === 'client'
        ? [packets(virtual, client, step, FLAGS.ACK)[0]!, client.address]
        : [packets(ends.client, ends.server, step, FLAGS.ACK)[0]!, ends.server.address];
    const to = step.by === 'client' ? virtual.address : ends.client.address;
    const error = icmpPacket(
      { source: by, target: to },
      type,
      code,
      about.subarray(0, family === 4 ? 28 : 60),
    );
    note(at, stage.send(step.by === 'client' ? 'public' : 'private', [error]));
  };
  for (const [i, step] of steps.entries()) {
    const at = `${String(i + 1).padStart(2)} ${step.do}`;
    switch (step.do) {
      case 'open':
        request(at, step, FLAGS.SYN);
        answer(`${at}, SYN-ACK`, step, FLAGS['SYN-ACK']);
        request(`${at}, ACK`, step, FLAGS.ACK);
        break;
      case 'segment':
        request(at, step, FLAGS[step.flags]);
        break;
      case 'answer':
        answer(at, step, FLAGS[step.flags]);
        break;
      case 'datagram':
        request(at, step, 0);
        break;
      case 'reply':
        answer(at, step, 0);
        break;
      case 'error':
        complain(at, step);
        break;
      case 'publish':
        services[step.of ?? 0] = { ...services[step.of ?? 0]!, ...step.change };
        stage.publish(services[step.of ?? 0]!);
        break;
      case 'remove':
        stage.remove(services[step.of ?? 0]!);
        break;
      case 'wait':
        yield { wait: step.seconds };
        break;
      case 'look':
        yield { look: at, lastAt };
    }
  }
}

/** As the director does all the time: what has expired is no more. */
function sweep({ plane }: Stage): void {
  while (!plane.sweep().completed);
}

/** Notes the connections of a scenario's services, and what their servers have. */
async function look(
  stage: Stage,
  { services }: Scenario,
  at: string,
  lastAt: ReadonlyMap<string, number>,
  seen: Record<string, string | number>,
): Promise<void> {
  sweep(stage);
  const { plane } = stage;
  const keys = services.map(serviceKey);
  const lines: string[] = [];
  for (const service of keys)
    for await (const chunk of plane.connections({ service }))
      for (const { state, client, virtual, server, expires_ms } of chunk) {
        const flow = `${formatEndpoint(client)} > ${formatEndpoint(virtual)}`;
        lines.push(`${flow} ${state} at ${formatEndpoint(server)}`);
        // What it had when its latest packet came; of a template, when the latest of all did.
        const since = lastAt.get(flow) ?? Math.max(0, ...lastAt.values());
        seen[`${at}, time of ${flow} ${state}`] = Math.round((expires_ms + performance.now() - since) / 1000);
      }
  seen[`${at}, connections`] = lines.sort().join(', ') || 'none';
  for (const { key, servers } of plane.counters())
    if (keys.includes(key))
      for (const { address, port, weight, active, inactive, templates, leaving } of servers) {
        // One that has finished may be listed for a while.
        if (leaving && active + inactive + templates === 0) continue;
        seen[`${at}, ${formatEndpoint({ address, port })} of ${key}`] =
          `weight ${weight}, ${active} active, ${inactive} inactive, ${templates} templates`;
      }
}

/** Notes what was counted. */
function count({ plane }: Stage, { services }: Scenario, seen: Record<string, string | number>): void {
  const keys = services.map(serviceKey);
  for (const { key, servers, ...own } of plane.counters()) {
    if (!keys.includes(key)) continue;
    const text = (of: typeof own) =>
      `${of.conns} conns, ${of.inpkts} packets in, ${of.outpkts} out, ${of.inbytes} bytes in, ${of.outbytes} out`;
    seen[`end, counted of ${key}`] = text(own);
    for (const one of servers)
      seen[`end, counted of ${formatEndpoint(one)} of ${key}`] = text({ ...own, ...one });
  }
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Plays all of them; those that wait do so together. */
export async function playAll(stage: Stage, scenarios: readonly Scenario[]): Promise<AllSeen> {
  const all: Record<string, Record<string, string | number>> = {};
  let games = scenarios.map((scenario) => {
    const seen: Record<string, string | number> = {};
    all[scenario.name] = seen;
    return { scenario, seen, game: playOne(stage, scenario, seen), isNew: true };
  });
  while (games.length > 0) {
    const waiting: typeof games = [];
    let longest = 0;
    for (const one of games) {
      const { scenario, seen, game } = one;
      stage.switchTo(scenario.services);
      if (one.isNew) for (const service of scenario.services) stage.publish(service);
      one.isNew = false;
      for (let next = game.next(); ; next = game.next()) {
        if (next.done) break;
        if ('look' in next.value) {
          await look(stage, scenario, next.value.look!, next.value.lastAt!, seen);
          continue;
        }
        longest = Math.max(longest, next.value.wait!);
        waiting.push(one);
        break;
      }
    }
    games = waiting;
    if (games.length > 0) await sleep(1000 * longest);
    sweep(stage);
  }
  await sleep(COUNTED);
  for (const scenario of scenarios) count(stage, scenario, all[scenario.name]!);
  return all as Readonly<Record<string, Seen>>;
}
