/** Nobody is there for a connection: the sorry server takes it, or it is refused, or dropped. */
import { strict as assert } from 'node:assert';
import { serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import { type Case, eventually } from '../case.ts';
import {
  ACK,
  connections,
  endsOf,
  FIN_ACK,
  forwarded,
  handshake,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
} from '../conversation.ts';
import { at } from '../site.ts';
import type { Subject } from '../subject.ts';

const SORRY = { 4: at('192.168.1.200'), 6: at('fd00:192:168:1::200') } as const;

const withSorry = (
  weights: readonly number[],
  change: Parameters<typeof serviceWith>[1] = {},
): VirtualService => ({
  ...serviceWith(weights, change),
  sorry_server: { address: SORRY[change.family ?? 4], port: 8888 },
});

const targetOf = (subject: Subject, service: VirtualService, port: number) =>
  endsOf(forwarded(request(subject, service, port))).target;

const countersOf = (subject: Subject, service: VirtualService) =>
  subject.plane.counters().find(({ key }) => key === serviceKey(service))!;

export const SORRY_CASES: readonly Case[] = [
  {
    name: 'while no server can be chosen, the sorry server takes connections both ways',
    run: async (subject) => {
      for (const family of [4, 6] as const)
        for (const protocol of ['tcp', 'udp'] as const) {
          const service = withSorry([0, 0], { family, protocol });
          subject.plane.publishService(service);
          const got = forwarded(request(subject, service, 4000));
          assert.deepEqual(endsOf(got).target, service.sorry_server);
          const back = endsOf(forwarded(reply(subject, service, got)));
          assert.deepEqual(back.source, { address: service.address, port: 80 });
        }
      assert.equal(subject.plane.verdicts()['no_server'], 0);
      const [first] = await connections(subject, { server: `${SORRY[4]}:8888` });
      assert.equal(first!.client.port, 4000);
    },
  },
  {
    name: 'the sorry server is counted by itself, and says what it is',
    run: async (subject) => {
      const service = withSorry([0, 1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.plane.publishService(withSorry([0, 0]));
      handshake(subject, service, 4001);
      handshake(subject, service, 4002);
      await eventually(subject, () => assert.equal(countersOf(subject, service).conns, 3));
      const { servers } = countersOf(subject, service);
      assert.deepEqual(
        servers.map(({ address, weight, active, leaving, sorry }) => ({
          address,
          weight,
          active,
          leaving,
          sorry,
        })),
        [
          { address: SERVERS[4][0], weight: 0, active: 0, leaving: false, sorry: undefined },
          { address: SERVERS[4][1], weight: 0, active: 1, leaving: false, sorry: undefined },
          { address: SORRY[4], weight: 0, active: 2, leaving: false, sorry: true },
        ],
      );
      sweepAll(subject);
    },
  },
  {
    name: 'the sorry server keeps its connections when servers come back, and gets no others',
    run: (subject) => {
      const service = withSorry([0]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      subject.plane.publishService(withSorry([1]));
      assert.equal(targetOf(subject, service, 4001).address, SERVERS[4][0]);
      assert.equal(endsOf(forwarded(request(subject, service, 4000, ACK))).target.address, SORRY[4]);
      subject.plane.publishService(serviceWith([1]));
      assert.equal(endsOf(forwarded(request(subject, service, 4000, ACK))).target.address, SORRY[4]);
      assert.equal(countersOf(subject, service).servers[1]!.leaving, true);
      forwarded(request(subject, service, 4000, FIN_ACK));
      forwarded(reply(subject, service, got, FIN_ACK));
      subject.elapse(1_000_000);
      for (let pass = 0; pass < 2; pass++) sweepAll(subject);
    },
  },
  {
    name: 'no client is remembered for the sorry server',
    run: async (subject) => {
      const persistence = { timeout: 300_000, granularity: 32 };
      const service = { ...withSorry([0]), persistence };
      subject.plane.publishService(service);
      assert.equal(targetOf(subject, service, 4000).address, SORRY[4]);
      assert.deepEqual(
        (await connections(subject)).map(({ state }) => state),
        ['SYN_RECV'],
      );
      subject.plane.publishService({ ...withSorry([1]), persistence });
      assert.equal(targetOf(subject, service, 4001).address, SERVERS[4][0]);
      assert.equal(targetOf(subject, service, 4002).address, SERVERS[4][0]);
    },
  },
  {
    name: 'a client remembered for a server of weight 0 is not sent to the sorry server',
    run: (subject) => {
      const persistence = { timeout: 300_000, granularity: 32 };
      const service = { ...withSorry([1]), persistence };
      subject.plane.publishService(service);
      assert.equal(targetOf(subject, service, 4000).address, SERVERS[4][0]);
      subject.plane.publishService({ ...withSorry([0]), persistence });
      assert.equal(targetOf(subject, service, 4001).address, SERVERS[4][0]);
      const { address } = endsOf(
        forwarded(request(subject, service, 4002, undefined, { client: at('203.0.113.11') })),
      ).target;
      assert.equal(address, SORRY[4]);
    },
  },
  {
    name: 'a server that becomes the sorry server, and back, keeps its connections and its number',
    run: (subject) => {
      const server = { address: SORRY[4], port: 8888 };
      const as = (sorry: boolean): VirtualService => ({
        ...serviceWith([0], { persistence: { timeout: 300_000, granularity: 32 } }),
        ...(sorry ? { sorry_server: server } : { servers: [{ ...server, weight: 1 }] }),
      });
      subject.plane.publishService(as(false));
      handshake(subject, as(false), 4000);
      subject.plane.publishService(as(true));
      assert.equal(endsOf(forwarded(request(subject, as(true), 4000, ACK))).target.address, SORRY[4]);
      assert.equal(countersOf(subject, as(true)).servers.at(-1)!.active, 1);
      // The template that led to it is void, and no other is made.
      handshake(subject, as(true), 4001);
      assert.equal(countersOf(subject, as(true)).servers.at(-1)!.templates, 0);
      subject.plane.publishService(as(false));
      handshake(subject, as(false), 4002);
      const [back] = countersOf(subject, as(false)).servers;
      assert.deepEqual([back!.active, back!.templates, back!.sorry], [3, 1, undefined]);
      sweepAll(subject);
    },
  },
  {
    name: 'with no_server: drop nobody is told, and the packet is counted',
    run: (subject) => {
      for (const family of [4, 6] as const) {
        const service: VirtualService = { ...serviceWith([0], { family }), no_server: 'drop' };
        subject.plane.publishService(service);
        assert.deepEqual(subject.plane.observe().services.get(serviceKey(service)), service);
        assert.equal(request(subject, service, 4000).action, 'DROP');
      }
      const { no_server, answered } = subject.plane.verdicts();
      assert.deepEqual([no_server, answered], [2, 0]);
      subject.plane.publishService(serviceWith([0]));
      assert.equal(request(subject, serviceWith([0]), 4000).action, 'REDIRECT');
      assert.equal(subject.plane.verdicts()['answered'], 1);
    },
  },
];
