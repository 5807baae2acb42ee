/** Services that keep no connections: every packet by itself, there and back. */
import { strict as assert } from 'node:assert';
import { addressFromBytes } from '../../../src/core/address/address.ts';
import { serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import type { Case } from '../case.ts';
import {
  CLIENT,
  connections,
  endsOf,
  forwarded,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
  VIP,
} from '../conversation.ts';
import { checksumsAreRight, fragmentsOf, icmpPacket, transportPacket } from '../frames.ts';
import { at } from '../site.ts';
import type { Subject } from '../subject.ts';

const FAMILIES = [4, 6] as const;

const onePacket = (weights: readonly number[], change: Parameters<typeof serviceWith>[1] = {}) =>
  serviceWith(weights, { protocol: 'udp', one_packet: true, ...change });

const serverOf = (subject: Subject, service: VirtualService, port: number): number =>
  SERVERS[4].indexOf(endsOf(forwarded(request(subject, service, port))).target.address);

const countersOf = (subject: Subject, service: VirtualService) =>
  subject.plane.counters().find(({ key }) => key === serviceKey(service))!;

const UNREACHABLE = { 4: 3, 6: 1 } as const;
/** Where the quoted packet begins, and where the error's source and target stand. */
const ERROR = { 4: { quoted: 28, source: 12, width: 4 }, 6: { quoted: 48, source: 8, width: 16 } } as const;

const byFamily: Case[] = FAMILIES.flatMap((family): Case[] => [
  {
    name: `one packet over IPv${family}: each goes to the next server, answers come from the VIP, and nothing is kept`,
    run: async (subject) => {
      const service = onePacket([1, 1, 1], { family });
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      assert.equal(countersOf(subject, service).one_packet, true);
      const got = [0, 1, 2, 3].map(() => forwarded(request(subject, service, 4000)));
      assert.deepEqual(
        got.map((one) => endsOf(one)),
        [0, 1, 2, 0].map((i) => ({
          source: { address: CLIENT[family], port: 4000 },
          target: { address: SERVERS[family][i], port: 8080 },
        })),
      );
      for (const one of got)
        assert.deepEqual(endsOf(forwarded(reply(subject, service, one))), {
          source: { address: VIP[family], port: 80 },
          target: { address: CLIENT[family], port: 4000 },
        });
      assert.deepEqual(await connections(subject), []);
      assert.equal(sweepAll(subject), 0);
      const { conns, inpkts, outpkts, servers } = countersOf(subject, service);
      assert.deepEqual([conns, inpkts, outpkts], [4, 4, 4]);
      assert.deepEqual(
        servers.map((one) => [one.conns, one.outpkts, one.active, one.inactive]),
        [
          [2, 2, 0, 0],
          [1, 1, 0, 0],
          [1, 1, 0, 0],
        ],
      );
    },
  },
  {
    name: `one packet over IPv${family}: a server's error reaches the client as from the VIP; a client's, nobody`,
    run: (subject) => {
      const service = onePacket([1], { family });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      const { quoted, source, width } = ERROR[family];
      const error = icmpPacket(
        { source: SERVERS[family][0]!, target: CLIENT[family] },
        UNREACHABLE[family],
        3,
        got,
      );
      const sent = forwarded(subject.send('private', error));
      const ends = [0, 1].map((i) =>
        addressFromBytes(sent.subarray(source + i * width, source + (i + 1) * width)),
      );
      assert.deepEqual(ends, [VIP[family], CLIENT[family]]);
      assert.deepEqual(endsOf(sent.subarray(quoted)), {
        source: { address: CLIENT[family], port: 4000 },
        target: { address: VIP[family], port: 80 },
      });
      const back = forwarded(reply(subject, service, got));
      const own = icmpPacket({ source: CLIENT[family], target: VIP[family] }, UNREACHABLE[family], 3, back);
      assert.equal(subject.send('public', own).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['icmp_translated'], 1);
    },
  },
  {
    name: `one packet over IPv${family}: fragments go together, both ways`,
    run: (subject) => {
      const service = onePacket([1, 1], { family });
      subject.plane.publishService(service);
      const whole = (from: readonly [(typeof VIP)[4], number], to: readonly [(typeof VIP)[4], number]) =>
        transportPacket({
          protocol: 'udp',
          source: from[0],
          sourcePort: from[1],
          target: to[0],
          targetPort: to[1],
          payload: new Uint8Array(64),
        });
      const targetOf = (packet: Uint8Array, i: 0 | 1) => {
        const [offset, size] = family === 4 ? [12, 4] : [8, 16];
        return addressFromBytes(packet.subarray(offset + i * size, offset + (i + 1) * size));
      };
      const there = fragmentsOf(whole([CLIENT[family], 4000], [VIP[family], 80]), 1, 24);
      const other = fragmentsOf(whole([CLIENT[family], 4000], [VIP[family], 80]), 2, 24);
      const send = (side: 'public' | 'private', packet: Uint8Array) => {
        const { action, packet: sent } = subject.send(side, packet);
        assert.equal(action, 'REDIRECT');
        return sent;
      };
      // Two datagrams, one piece of each in turn.
      const targets = there.flatMap((piece, i) => [
        targetOf(send('public', piece), 1),
        targetOf(send('public', other[i]!), 1),
      ]);
      assert.deepEqual(
        targets,
        there.flatMap(() => [SERVERS[family][0], SERVERS[family][1]]),
      );
      const back = fragmentsOf(whole([SERVERS[family][1]!, 8080], [CLIENT[family], 4000]), 3, 24);
      assert.deepEqual(
        back.map((piece) => targetOf(send('private', piece), 0)),
        back.map(() => VIP[family]),
      );
    },
  },
  {
    name: `one packet over IPv${family}, by the stack: rewritten as it comes in, and the answer as it leaves`,
    run: (subject) => {
      const service = onePacket([1], { family });
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      const { action, packet: got } = request(subject, service, 4000);
      assert.equal(action, 'NEXT');
      assert.equal(endsOf(got).target.address, SERVERS[family][0]);
      const { source, target } = endsOf(got);
      const back = transportPacket({
        protocol: 'udp',
        source: target.address,
        sourcePort: target.port,
        target: source.address,
        targetPort: source.port,
      });
      assert.deepEqual(subject.send('private', back).packet, back);
      const left = subject.leave(back);
      assert.equal(left.action, 'NEXT');
      assert.ok(checksumsAreRight(left.packet));
      assert.deepEqual(endsOf(left.packet).source, { address: VIP[family], port: 80 });
      assert.equal(countersOf(subject, service).outpkts, 1);
    },
  },
]);

export const ONE_PACKET_CASES: readonly Case[] = [
  ...byFamily,
  {
    name: 'one packet: what a server sends to where no client is goes on as it came',
    run: (subject) => {
      const service = onePacket([1]);
      subject.plane.publishService(service);
      const from = (target: string, sourcePort = 8080) =>
        transportPacket({
          protocol: 'udp',
          source: SERVERS[4][0]!,
          sourcePort,
          target: at(target),
          targetPort: 53,
        });
      for (const target of ['192.168.1.102', '192.168.1.1', '10.9.9.9', '224.0.0.5', '127.0.0.1']) {
        const packet = from(target);
        const sent = subject.send('private', packet);
        assert.equal(sent.action, 'NEXT', target);
        assert.deepEqual(sent.packet, packet);
      }
      assert.equal(subject.send('private', from('203.0.113.10', 8081)).action, 'NEXT', 'another port');
      // Without being asked, too: who has asked is not remembered.
      assert.equal(endsOf(forwarded(subject.send('private', from('203.0.113.10')))).source.address, VIP[4]);
    },
  },
  {
    name: 'one packet: an answer on its last hop is refused in the name of the VIP',
    run: (subject) => {
      const service = onePacket([1]);
      subject.plane.publishService(service);
      const packet = transportPacket({
        protocol: 'udp',
        source: SERVERS[4][0]!,
        sourcePort: 8080,
        target: CLIENT[4],
        targetPort: 4000,
        ttl: 1,
      });
      const { action, packet: answer } = subject.send('private', packet);
      assert.equal(action, 'REDIRECT');
      assert.deepEqual(
        [addressFromBytes(answer.subarray(12, 16)), addressFromBytes(answer.subarray(16, 20))],
        [VIP[4], SERVERS[4][0]],
      );
      assert.equal(subject.plane.verdicts()['ttl_exceeded'], 1);
    },
  },
  {
    name: 'one packet: a persistent client stays with its server, by its template',
    run: async (subject) => {
      const service = onePacket([1, 1], { persistence: { timeout: 300_000, granularity: 32 } });
      subject.plane.publishService(service);
      assert.deepEqual(
        [4000, 4001, 4000].map((port) => serverOf(subject, service, port)),
        [0, 0, 0],
      );
      assert.deepEqual(
        (await connections(subject)).map(({ state }) => state),
        ['TEMPLATE'],
      );
    },
  },
  {
    name: 'one packet: connections that were open go on when it is turned on, and none is when it is turned off',
    run: async (subject) => {
      const kept = serviceWith([1, 1], { protocol: 'udp' });
      subject.plane.publishService(kept);
      assert.equal(serverOf(subject, kept, 4000), 0);
      const service = onePacket([1, 1]);
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      assert.deepEqual(
        [4000, 4000].map((port) => serverOf(subject, service, port)),
        [0, 0],
      );
      assert.deepEqual(
        [4001, 4001].map((port) => serverOf(subject, service, port)),
        [1, 0],
      );
      assert.equal((await connections(subject)).length, 1);
      subject.plane.publishService(kept);
      const got = forwarded(request(subject, kept, 4002));
      const { target } = endsOf(got);
      const stray = { ...endsOf(got), source: { address: CLIENT[4], port: 4009 } };
      assert.equal(target.address, SERVERS[4][1]);
      forwarded(reply(subject, kept, got));
      const unasked = transportPacket({
        protocol: 'udp',
        source: stray.target.address,
        sourcePort: stray.target.port,
        target: stray.source.address,
        targetPort: stray.source.port,
      });
      assert.equal(subject.send('private', unasked).action, 'NEXT', 'no connection, no answer');
    },
  },
  {
    name: 'one packet: the server that stands in answers from the VIP, and nobody there is said as ever',
    run: (subject) => {
      const service = onePacket([0], { sorry_server: { address: SERVERS[4][2]!, port: 9090 } });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      assert.deepEqual(endsOf(got).target, { address: SERVERS[4][2], port: 9090 });
      assert.deepEqual(endsOf(forwarded(reply(subject, service, got))).source, { address: VIP[4], port: 80 });
      subject.plane.publishService(onePacket([0]));
      assert.equal(request(subject, service, 4000).action, 'REDIRECT', 'an answer');
      assert.equal(subject.plane.verdicts()['no_server'], 1);
    },
  },
  {
    name: 'one packet: a removed service takes no more, and what its servers still answer arrives until they are forgotten',
    run: (subject) => {
      const service = onePacket([1]);
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      subject.plane.removeService(serviceKey(service));
      assert.equal(request(subject, service, 4000).action, 'NEXT');
      assert.equal(endsOf(forwarded(reply(subject, service, got))).source.address, VIP[4]);
    },
  },
];
