/** Upper and lower thresholds: who is overloaded, from when to when, and who goes there still. */
import { strict as assert } from 'node:assert';
import type { RealServer, VirtualService } from '../../../src/core/model/service.ts';
import { SCHEDULERS, serviceKey } from '../../../src/core/model/service.ts';
import type { Case } from '../case.ts';
import {
  ACK,
  endsOf,
  FIN_ACK,
  forwarded,
  handshake,
  RST,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
} from '../conversation.ts';
import { at } from '../site.ts';
import type { Subject } from '../subject.ts';

type Thresholds = Pick<RealServer, 'upper_threshold' | 'lower_threshold'>;

const limited = (service: VirtualService, ...limits: readonly Thresholds[]): VirtualService => ({
  ...service,
  servers: service.servers.map((server, i) => ({ ...server, ...limits[i] })),
});

const serverOf = (subject: Subject, service: VirtualService, port: number): number =>
  SERVERS[4].indexOf(endsOf(forwarded(request(subject, service, port))).target.address);

const overloadedOf = (subject: Subject, service: VirtualService): boolean[] =>
  subject.plane
    .counters()
    .find(({ key }) => key === serviceKey(service))!
    .servers.map(({ overloaded = false }) => overloaded);

/** Ends the client's connection at once: it is closed, and its time-out passes. */
function end(subject: Subject, service: VirtualService, ...ports: readonly number[]): void {
  for (const port of ports) request(subject, service, port, RST);
  subject.elapse(service.timeouts.close + 1_000);
  sweepAll(subject);
}

export const THRESHOLD_CASES: readonly Case[] = [
  {
    name: 'a server that has reached its upper threshold gets no new connections, and keeps those it has',
    run: (subject) => {
      const service = limited(serviceWith([1, 1]), { upper_threshold: 2 });
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      const got = handshake(subject, service, 4000);
      assert.deepEqual(overloadedOf(subject, service), [false, false]);
      assert.deepEqual(
        [4001, 4002, 4003, 4004].map((port) => serverOf(subject, service, port)),
        [1, 0, 1, 1],
      );
      assert.deepEqual(overloadedOf(subject, service), [true, false]);
      forwarded(reply(subject, service, got, ACK));
      forwarded(request(subject, service, 4000, ACK));
      const [first, second] = subject.plane.counters()[0]!.servers;
      assert.equal(first!.upper_threshold, 2);
      assert.equal(first!.lower_threshold, undefined);
      assert.equal(second!.upper_threshold, undefined);
    },
  },
  {
    name: 'without a lower threshold a server is in again when fewer than three quarters of the upper one are left',
    run: (subject) => {
      const service = limited(serviceWith([1]), { upper_threshold: 8 });
      subject.plane.publishService(service);
      const ports = [4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007];
      for (const port of ports) handshake(subject, service, port);
      end(subject, service, 4000, 4001);
      assert.deepEqual(overloadedOf(subject, service), [true], '6 of 8 are left');
      assert.notEqual(request(subject, service, 5000).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['no_server'], 1);
      end(subject, service, 4002);
      assert.deepEqual(overloadedOf(subject, service), [false], '5 of 8 are left');
      assert.equal(serverOf(subject, service, 5001), 0);
    },
  },
  {
    name: 'a lower threshold says when a server is in again, whatever the upper one is',
    run: (subject) => {
      const service = limited(serviceWith([1]), { upper_threshold: 4, lower_threshold: 2 });
      subject.plane.publishService(service);
      for (const port of [4000, 4001, 4002, 4003]) handshake(subject, service, port);
      end(subject, service, 4000, 4001);
      assert.deepEqual(overloadedOf(subject, service), [true], '2 are left');
      end(subject, service, 4002);
      assert.deepEqual(overloadedOf(subject, service), [false], '1 is left');
    },
  },
  {
    name: 'inactive connections count as active ones do',
    run: (subject) => {
      const service = limited(serviceWith([1, 1]), { upper_threshold: 1 });
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      request(subject, service, 4000, FIN_ACK);
      reply(subject, service, got, FIN_ACK);
      assert.equal(subject.plane.counters()[0]!.servers[0]!.inactive, 1);
      assert.equal(serverOf(subject, service, 4001), 1);
      assert.equal(serverOf(subject, service, 4002), 1);
      const udp = limited(serviceWith([1, 1], { protocol: 'udp' }), { upper_threshold: 1 });
      subject.plane.publishService(udp);
      assert.deepEqual(
        [4000, 4001, 4002].map((port) => serverOf(subject, udp, port)),
        [0, 1, 1],
      );
    },
  },
  {
    name: 'no scheduler chooses an overloaded server',
    run: (subject) => {
      SCHEDULERS.forEach((scheduler, i) => {
        const service = limited(
          serviceWith([9, 9, 9], { scheduler, port: 1000 + i }),
          ...[1, 2, 3].map((upper_threshold) => ({ upper_threshold })),
        );
        subject.plane.publishService(service);
        // Hashes need many clients, one of whom leads to each.
        for (let client = 1; client <= 200; client++)
          request(subject, service, 4000, undefined, { client: at(`203.0.113.${client + 10}`) });
        const counts = subject.plane.counters().find(({ key }) => key === serviceKey(service))!.servers;
        assert.deepEqual(
          counts.map(({ active, overloaded }) => [active, overloaded]),
          scheduler === 'dh'
            ? counts.map(({ upper_threshold: upper, active }) =>
                active === 0 ? [0, undefined] : [upper, true],
              )
            : [1, 2, 3].map((upper) => [upper, true]),
          scheduler,
        );
      });
    },
  },
  {
    name: 'a template leads to an overloaded server still',
    run: (subject) => {
      const service: VirtualService = {
        ...limited(serviceWith([1, 1]), { upper_threshold: 1 }),
        persistence: { timeout: 300_000, granularity: 32 },
      };
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4000), 0);
      assert.deepEqual(overloadedOf(subject, service), [true, false]);
      assert.equal(serverOf(subject, service, 4001), 0);
      const other = request(subject, service, 4000, undefined, { client: at('203.0.113.11') });
      assert.equal(endsOf(forwarded(other)).target.address, SERVERS[4][1]);
    },
  },
  {
    name: 'a threshold that is raised or taken away lets a server in at once, one that is set waits for a connection',
    run: (subject) => {
      const service = serviceWith([1, 1], { scheduler: 'fo' });
      const publish = (...limits: readonly Thresholds[]) =>
        subject.plane.publishService(limited(service, ...limits));
      publish();
      for (const port of [4000, 4001]) assert.equal(serverOf(subject, service, port), 0);
      publish({ upper_threshold: 2 });
      assert.deepEqual(overloadedOf(subject, service), [false, false]);
      assert.equal(serverOf(subject, service, 4002), 0);
      assert.equal(serverOf(subject, service, 4003), 1);
      publish({ upper_threshold: 4 });
      assert.deepEqual(overloadedOf(subject, service), [false, false]);
      assert.equal(serverOf(subject, service, 4004), 0);
      assert.equal(serverOf(subject, service, 4005), 1);
      publish();
      assert.equal(serverOf(subject, service, 4006), 0);
    },
  },
];
