/** What `on_down: reset` comes to on ip_vs: the server leaves the table at once, and its connections with their next packets. */
import { strict as assert } from 'node:assert';
import type { VirtualService } from '../../src/core/model/service.ts';
import {
  ACK,
  connections,
  endsOf,
  handshake,
  RST,
  request,
  serviceWith,
  VIP,
} from '../contract/conversation.ts';
import type { IpvsSubject } from '../contract/ipvs-subject.ts';

/** A case that asks what only this subject can tell. */
export interface IpvsCase {
  readonly name: string;
  run(subject: IpvsSubject): Promise<void>;
}

/** Where the flags of TCP stand in an IPv4 packet without options. */
const TCP_FLAGS = 33;

/** Takes the server of the only connection out of the service, as checks do. */
async function takeDown(subject: IpvsSubject, service: VirtualService): Promise<void> {
  const [connection] = await connections(subject);
  assert.ok(connection, 'there is one');
  const isDown = ({ address }: { readonly address: string }) => address === connection.server.address;
  subject.plane.publishService({
    ...service,
    servers: service.servers.filter((one) => !isDown(one)),
    ...(service.on_down === 'reset' && { gone: service.servers.filter(isDown) }),
  });
}

const serverOf = (packet: Uint8Array): string => endsOf(packet).target.address;

/** Cases that ip_vs keeps in its own way. */
export const ON_DOWN_CASES: readonly IpvsCase[] = [
  {
    name: 'on_down: reset: the stack resets a TCP client at its next segment',
    run: async (subject) => {
      const service: VirtualService = { ...serviceWith([1, 1]), on_down: 'reset' };
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      await takeDown(subject, service);
      assert.equal(request(subject, service, 4000, ACK).action, 'NEXT');
      const [reset, ...more] = subject.answers();
      assert.ok(reset, 'something came back');
      assert.deepEqual(more, []);
      assert.equal(reset[TCP_FLAGS], RST);
      assert.deepEqual(endsOf(reset).source, { address: VIP[4], port: 80 });
    },
  },
  {
    name: 'on_down: reset: a UDP client’s next datagram goes to another server',
    run: async (subject) => {
      const service: VirtualService = { ...serviceWith([1, 1], { protocol: 'udp' }), on_down: 'reset' };
      subject.plane.publishService(service);
      const before = serverOf(request(subject, service, 4000).packet);
      await takeDown(subject, service);
      const after = request(subject, service, 4000);
      assert.equal(after.action, 'REDIRECT');
      assert.notEqual(serverOf(after.packet), before);
    },
  },
  {
    name: 'on_down: keep: connections go on to a server that is down',
    run: async (subject) => {
      const service = serviceWith([1, 1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      const before = serverOf(request(subject, service, 4000, ACK).packet);
      await takeDown(subject, service);
      assert.equal(serverOf(request(subject, service, 4000, ACK).packet), before);
    },
  },
];
