/** Full tables and floods: who has to leave, and who never does. */
import { strict as assert } from 'node:assert';
import type { Case } from '../case.ts';
import { connections, FIN_ACK, forwarded, handshake, reply, request, serviceWith } from '../conversation.ts';

export const ROOM_CASES: readonly Case[] = [
  {
    name: 'a flood of SYNs drives out its own, the oldest first',
    limits: { half_open: 16 },
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      for (let i = 0; i < 100; i++) request(subject, service, 5000 + i);
      const found = await connections(subject);
      assert.deepEqual(
        found.filter(({ state }) => state === 'ESTABLISHED').map(({ client }) => client.port),
        [4000],
      );
      const waiting = found.filter(({ state }) => state === 'SYN_RECV').map(({ client }) => client.port);
      assert.deepEqual(
        waiting.sort(),
        Array.from({ length: 16 }, (_, i) => 5084 + i),
      );
      assert.equal(subject.plane.verdicts()['half_open_evicted'], 84);
    },
  },
  {
    name: 'a table full of established connections takes no more',
    limits: { connections_ipv4: 16, half_open: 16 },
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      for (let i = 0; i < 16; i++) handshake(subject, service, 4000 + i);
      assert.equal(request(subject, service, 5000).action, 'DROP');
      assert.equal(subject.plane.verdicts()['table_full'], 1);
      assert.equal((await connections(subject)).length, 16);
    },
  },
  {
    name: 'in a full table the expired go first, then the ended, then the oldest half-open one',
    limits: { connections_ipv4: 16, half_open: 16 },
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const ports = async () => (await connections(subject)).map(({ client }) => client.port).sort();
      const oldest = handshake(subject, service, 4000);
      subject.elapse(service.timeouts.established + 1_000);
      const ended = handshake(subject, service, 4001);
      forwarded(reply(subject, service, ended, FIN_ACK));
      forwarded(request(subject, service, 4001, FIN_ACK));
      for (let i = 0; i < 13; i++) handshake(subject, service, 4010 + i);
      forwarded(request(subject, service, 4002));
      for (const [gone, verdict] of [
        [4000, 'expired'],
        [4001, 'reclaimed'],
        [4002, 'half_open_evicted'],
      ] as const) {
        assert.ok((await ports()).includes(gone));
        const got = forwarded(request(subject, service, 5000 + gone));
        // Established, so that it is not the next to go.
        forwarded(reply(subject, service, got));
        forwarded(request(subject, service, 5000 + gone, 0x10));
        assert.ok(!(await ports()).includes(gone), `${gone} has left`);
        assert.equal(subject.plane.verdicts()[verdict], 1);
      }
      assert.equal(reply(subject, service, oldest, 0x10).action, 'NEXT', 'nobody knows it any more');
    },
  },
];
