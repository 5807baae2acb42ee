/** Services: published, changed, removed; schedulers and counters. */
import { strict as assert } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import { serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import { type Case, eventually } from '../case.ts';
import {
  ACK,
  endsOf,
  forwarded,
  handshake,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
} from '../conversation.ts';
import type { Subject } from '../subject.ts';

/** Which servers the next connections go to, as indices. */
function spread(subject: Subject, service: VirtualService, ports: readonly number[]): number[] {
  return ports.map((port) =>
    SERVERS[4].indexOf(endsOf(forwarded(request(subject, service, port))).target.address),
  );
}
const PORTS = [4000, 4001, 4002, 4003, 4004, 4005];

export const SERVICE_CASES: readonly Case[] = [
  {
    name: 'what has been published and attached is observed, until it is removed',
    run: (subject) => {
      const { plane } = subject;
      const service = serviceWith([1, 0, 3], { scheduler: 'wrr' });
      plane.publishService(service);
      plane.publishService(service);
      const hashed = serviceWith([1], { port: 81, scheduler: 'mh', scheduler_flags: ['mh-port'] });
      plane.publishService(hashed);
      assert.deepEqual(plane.observe().services.get(serviceKey(hashed)), hashed);
      plane.removeService(serviceKey(hashed));
      plane.attach({ name: 'eth0', side: 'public' });
      assert.deepEqual([...plane.observe().services.values()], [service]);
      const of = (one: VirtualService) => plane.counters(new Set([serviceKey(one)])).map(({ key }) => key);
      assert.deepEqual(of(service), [serviceKey(service)]);
      assert.deepEqual(of(serviceWith([1], { port: 82 })), []);
      assert.deepEqual([...plane.observe().interfaces.values()], [{ name: 'eth0', side: 'public' }]);
      plane.detach({ name: 'eth0', side: 'public' });
      plane.removeService(serviceKey(service));
      plane.removeService(serviceKey(service));
      assert.equal(plane.observe().services.size, 0);
      assert.equal(plane.observe().interfaces.size, 0);
    },
  },
  {
    name: 'the schedulers choose as they are meant to',
    run: (subject) => {
      const { plane } = subject;
      plane.publishService(serviceWith([5, 1, 0]));
      assert.deepEqual(spread(subject, serviceWith([]), PORTS), [0, 1, 0, 1, 0, 1]);
      plane.publishService(serviceWith([2, 1], { port: 81, scheduler: 'wrr' }));
      assert.deepEqual(spread(subject, serviceWith([], { port: 81 }), PORTS), [0, 0, 1, 0, 0, 1]);
      plane.publishService(serviceWith([1, 1, 1], { port: 82, scheduler: 'lc' }));
      assert.deepEqual(spread(subject, serviceWith([], { port: 82 }), PORTS), [0, 1, 2, 0, 1, 2]);
      plane.publishService(serviceWith([1, 2], { port: 83, scheduler: 'wlc' }));
      assert.deepEqual(spread(subject, serviceWith([], { port: 83 }), PORTS), [0, 1, 1, 0, 1, 1]);
      const choices = (weights: readonly number[], change: Partial<VirtualService>) => {
        plane.publishService(serviceWith(weights, change));
        return spread(subject, serviceWith([], change), PORTS);
      };
      // A half-open connection is an active one.
      assert.deepEqual(choices([1, 3, 2], { port: 84, scheduler: 'sed' }), [1, 2, 1, 0, 1, 2]);
      assert.deepEqual(choices([0, 1, 9], { port: 85, scheduler: 'nq' }), [1, 2, 2, 2, 2, 2]);
      assert.deepEqual(choices([1, 3, 3], { port: 86, scheduler: 'fo' }), [1, 1, 1, 1, 1, 1]);
      assert.deepEqual(choices([1, 2, 3], { port: 87, scheduler: 'ovf' }), [2, 2, 2, 2, 1, 1]);
      assert.deepEqual(choices([1, 1, 1], { port: 88, scheduler: 'lblc' }), [0, 0, 1, 1, 2, 2]);
      assert.deepEqual(choices([1, 1, 1], { port: 89, scheduler: 'lblcr' }), [0, 0, 1, 1, 2, 2]);
      assert.ok(new Set(choices([1, 1], { port: 90, scheduler: 'twos' })).size === 2);
    },
  },
  {
    name: 'ovf flows over by active connections, and refuses when all are full',
    run: (subject) => {
      const service = serviceWith([1, 0, 0], { scheduler: 'ovf' });
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      handshake(subject, service, 4001);
      assert.notEqual(request(subject, service, 4002).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['no_server'], 1);
      subject.plane.publishService(serviceWith([1, 1, 0], { scheduler: 'ovf' }));
      assert.deepEqual(spread(subject, service, [4003]), [1]);
    },
  },
  {
    name: 'the hashing schedulers know a client again, and their flags',
    run: (subject) => {
      const { plane } = subject;
      for (const [i, scheduler] of (['dh', 'sh', 'mh'] as const).entries()) {
        const plain = { port: 80 + i, scheduler };
        plane.publishService(serviceWith([1, 1, 1], plain));
        const [home, ...others] = spread(subject, serviceWith([], plain), PORTS);
        assert.deepEqual(
          others,
          PORTS.slice(1).map(() => home),
        );
        const weights = [0, 1, 2].map((server) => (server === home ? 0 : 1));
        plane.publishService(serviceWith(weights, plain));
        assert.notEqual(request(subject, serviceWith([], plain), 5000).action, 'NEXT');
        assert.equal(plane.verdicts()['no_server'], i + 1);
        if (scheduler === 'dh') continue;
        plane.publishService(
          serviceWith(weights, { ...plain, scheduler_flags: [`${scheduler}-fallback`, `${scheduler}-port`] }),
        );
        const ports = Array.from({ length: 24 }, (_, n) => 6000 + n);
        const away = new Set(spread(subject, serviceWith([], plain), ports));
        assert.deepEqual(
          [...away].sort(),
          [0, 1, 2].filter((server) => server !== home),
        );
      }
    },
  },
  {
    name: 'with no server a connection is refused',
    run: (subject) => {
      for (const [i, weights] of [[], [0, 0]].entries()) {
        const service = serviceWith(weights, { port: 80 + i });
        subject.plane.publishService(service);
        assert.notEqual(request(subject, service, 4000).action, 'NEXT');
        assert.equal(subject.plane.verdicts()['no_server'], i + 1);
        assert.equal(subject.plane.counters().find(({ key }) => key === serviceKey(service))!.conns, 0);
      }
    },
  },
  {
    name: 'packets and bytes are counted for the service and for the server',
    run: async (subject) => {
      const service = serviceWith([1, 1]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      forwarded(reply(subject, service, got, ACK));
      forwarded(request(subject, service, 4001));
      await eventually(subject, () => {
        const [counters] = subject.plane.counters();
        const [all, ...each] = [counters!, ...counters!.servers].map(
          ({ conns, inpkts, outpkts, inbytes, outbytes }) => [conns, inpkts, outpkts, inbytes, outbytes],
        );
        assert.deepEqual(all, [2, 3, 2, 120, 80]);
        assert.deepEqual(each, [
          [1, 2, 2, 80, 80],
          [1, 1, 0, 40, 0],
        ]);
      });
    },
  },
  {
    name: 'a server of weight 0 keeps the connections it has and gets no new ones',
    run: (subject) => {
      subject.plane.publishService(serviceWith([1, 1]));
      const service = serviceWith([0, 1]);
      const got = handshake(subject, service, 4000);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000, ACK));
      forwarded(reply(subject, service, got, ACK));
      assert.deepEqual(spread(subject, service, [5000, 5001]), [1, 1]);
    },
  },
  {
    name: 'a removed service finishes its connections and is then forgotten',
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      subject.plane.removeService(serviceKey(service));
      assert.equal(request(subject, service, 5000).action, 'NEXT');
      forwarded(request(subject, service, 4000, ACK));
      forwarded(reply(subject, service, got, ACK));
      const [leaving] = subject.plane.counters();
      assert.deepEqual([leaving!.leaving, leaving!.servers[0]!.leaving], [true, true]);
      subject.elapse(service.timeouts.established + 1_000);
      for (let look = 0; look < 100 && subject.plane.counters().length > 0; look++) {
        sweepAll(subject);
        await wait(50);
      }
      assert.deepEqual(subject.plane.counters(), []);
    },
  },
  {
    name: 'a changed time-out holds from the next change of state on',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      const brief = { ...service, timeouts: { ...service.timeouts, established: 5_000 } };
      subject.plane.publishService(brief);
      handshake(subject, service, 4001);
      subject.elapse(6_000);
      assert.equal(sweepAll(subject), 1);
      forwarded(request(subject, service, 4000, ACK));
    },
  },
];
