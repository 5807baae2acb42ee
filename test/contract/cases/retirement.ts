/** What a plane does with packets once another one has taken over. */
import { strict as assert } from 'node:assert';
import type { Case } from '../case.ts';
import {
  ACK,
  connections,
  FIN_ACK,
  forwarded,
  handshake,
  reply,
  request,
  SYN,
  serviceWith,
} from '../conversation.ts';

export const RETIREMENT_CASES: readonly Case[] = ([4, 6] as const).flatMap((family) => [
  {
    name: `a plane taken over from keeps its IPv${family} connections and leaves new ones to the next`,
    run: async (subject) => {
      const tcp = serviceWith([1], { family });
      const udp = serviceWith([1], { family, protocol: 'udp', port: 53 });
      subject.plane.publishService(tcp);
      subject.plane.publishService(udp);
      const got = handshake(subject, tcp, 4000);
      const datagram = forwarded(request(subject, udp, 4000));
      subject.takeOver();
      for (const service of [tcp, udp]) assert.equal(request(subject, service, 4001).action, 'NEXT');
      assert.equal(request(subject, tcp, 4001, ACK).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['not_ours'], 3);
      forwarded(request(subject, tcp, 4000, ACK));
      forwarded(reply(subject, tcp, got, ACK));
      forwarded(request(subject, udp, 4000));
      forwarded(reply(subject, udp, datagram));
      assert.equal((await connections(subject)).length, 2);
    },
  },
  {
    name: `addresses and ports of an ended IPv${family} connection go to the next plane with a new SYN`,
    run: async (subject) => {
      const service = serviceWith([1], { family });
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      forwarded(request(subject, service, 4000, FIN_ACK));
      forwarded(reply(subject, service, got, FIN_ACK));
      subject.takeOver();
      // What is still on its way between the two ends belongs to the old connection.
      forwarded(request(subject, service, 4000, ACK));
      assert.equal(request(subject, service, 4000, SYN).action, 'NEXT');
      assert.deepEqual(await connections(subject), []);
      assert.equal(request(subject, service, 4000, ACK).action, 'NEXT');
    },
  },
]);
