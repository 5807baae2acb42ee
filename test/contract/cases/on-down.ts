/** What becomes of the connections of a server that goes down: `on_down`. */
import { strict as assert } from 'node:assert';
import { formatEndpoint } from '../../../src/core/address/address.ts';
import type { VirtualService } from '../../../src/core/model/service.ts';
import { serviceKey } from '../../../src/core/model/service.ts';
import { read16, read32 } from '../../../src/core/packet/bytes.ts';
import type { Case } from '../case.ts';
import {
  ACK,
  CLIENT,
  connections,
  endsOf,
  FIN_ACK,
  forwarded,
  handshake,
  RST,
  reply,
  request,
  SERVERS,
  SYN,
  serviceWith,
  sweepAll,
  VIP,
} from '../conversation.ts';
import { checksumsAreRight, transportPacket } from '../frames.ts';
import type { Sent, Subject } from '../subject.ts';

type Change = Parameters<typeof serviceWith>[1];

/** Two servers that connections leave when they go down. */
const resetting = (change: Change = {}): VirtualService => ({
  ...serviceWith([1, 1], change),
  on_down: 'reset',
});

/** The same while some of its servers are down: out of it, or there with weight 0. */
function without(service: VirtualService, down: readonly number[], how: 'remove' | 'inhibit' = 'remove') {
  const { servers } = service;
  const left = servers.flatMap((server, i) => {
    if (!down.includes(i)) return [server];
    return how === 'remove' ? [] : [{ ...server, weight: 0 }];
  });
  const gone = down.map((i) => ({ address: servers[i]!.address, port: servers[i]!.port }));
  return { ...service, servers: left, gone };
}

/** Which of the lab's servers a packet went to. */
const serverOf = (sent: Sent): number => {
  const { address } = endsOf(forwarded(sent)).target;
  return [...SERVERS[4], ...SERVERS[6]].indexOf(address) % SERVERS[4].length;
};

const goneCount = ({ plane }: Subject): number | undefined => plane.verdicts()['server_gone'];

/** A segment of the client's with numbers of its own. */
function segmentOf(
  family: 4 | 6,
  port: number,
  flags: number,
  sequence: number,
  acknowledged: number,
  payload: Uint8Array,
): Uint8Array {
  return transportPacket({
    protocol: 'tcp',
    source: CLIENT[family],
    sourcePort: port,
    target: VIP[family],
    targetPort: 80,
    flags,
    payload,
    sequence,
    acknowledged,
  });
}

/** A reset that has to be right; gives its number, what it acknowledges, and its flags. */
function resetOf(sent: Sent, family: 4 | 6, port: number): { sequence: number; ack: number; flags: number } {
  assert.equal(sent.action, 'REDIRECT');
  assert.ok(checksumsAreRight(sent.packet), 'every checksum is right');
  const { source, target } = endsOf(sent.packet);
  assert.deepEqual(source, { address: VIP[family], port: 80 });
  assert.deepEqual(target, { address: CLIENT[family], port });
  const tcp = sent.packet.subarray(family === 4 ? 20 : 40);
  assert.equal(tcp.length, 20);
  assert.equal(read16(tcp, 12) >> 12, 5);
  return { sequence: read32(tcp, 4), ack: read32(tcp, 8), flags: tcp[13]! };
}

const perFamily: Case[] = ([4, 6] as const).flatMap((family): Case[] => [
  {
    name: `a TCP client over IPv${family} whose server went down is reset with the number that it expects`,
    run: async (subject) => {
      const service = resetting({ family });
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      handshake(subject, service, 4001);
      subject.plane.publishService(without(service, [0]));
      const data = segmentOf(family, 4000, ACK, 0x8000_0005, 0xffff_fffe, Uint8Array.of(1, 2, 3));
      const reset = resetOf(subject.send('public', data), family, 4000);
      // RFC 9293, 3.10.7.1; RFC 5961, 3.2.
      assert.deepEqual(reset, { sequence: 0xffff_fffe, ack: 0, flags: RST });
      const states = (await connections(subject)).map(({ client, state }) => [client.port, state]);
      assert.deepEqual(states.sort(), [
        [4000, 'CLOSE'],
        [4001, 'ESTABLISHED'],
      ]);
      assert.equal(goneCount(subject), 1);
      // Others are where they were, and what the server still has to say arrives.
      assert.equal(serverOf(request(subject, service, 4001, ACK)), 1);
      forwarded(reply(subject, service, got, ACK));
      // More of the same client's segments are answered, too, for as long as a closed connection is kept.
      assert.equal(resetOf(subject.send('public', data), family, 4000).flags, RST);
      subject.elapse(service.timeouts.close + 1_000);
      sweepAll(subject);
      assert.deepEqual(
        (await connections(subject)).map(({ client }) => client.port),
        [4001],
      );
    },
  },
  {
    name: `a UDP client over IPv${family} whose server went down goes to another with its next packet`,
    run: async (subject) => {
      const service = resetting({ family, protocol: 'udp' });
      subject.plane.publishService(service);
      assert.deepEqual(
        [4000, 4001].map((port) => serverOf(request(subject, service, port))),
        [0, 1],
      );
      subject.plane.publishService(without(service, [0]));
      assert.equal(serverOf(request(subject, service, 4000)), 1);
      assert.equal(serverOf(request(subject, service, 4000)), 1);
      assert.equal(goneCount(subject), 1);
      assert.equal((await connections(subject)).length, 2);
      // Back again: who left stays where it is.
      subject.plane.publishService(service);
      assert.equal(serverOf(request(subject, service, 4000)), 1);
    },
  },
]);

export const ON_DOWN_CASES: readonly Case[] = [
  ...perFamily,
  {
    name: 'connections to a server that goes down stay where nothing else is asked for',
    run: (subject) => {
      const service = serviceWith([1, 1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.plane.publishService({ ...service, servers: service.servers.slice(1) });
      assert.equal(serverOf(request(subject, service, 4000, ACK)), 0);
      assert.equal(goneCount(subject), 0);
    },
  },
  {
    name: 'who is gone is observed, and a server with weight 0 can be gone as well',
    run: (subject) => {
      const service = resetting();
      for (const how of ['remove', 'inhibit'] as const) {
        subject.plane.publishService(service);
        const got = serverOf(request(subject, service, 4000));
        const down = without(service, [got], how);
        subject.plane.publishService(down);
        assert.deepEqual([...subject.plane.observe().services.values()], [down]);
        assert.equal(serverOf(request(subject, service, 4000, SYN)), 1 - got, how);
        request(subject, service, 4000, RST);
        subject.elapse(service.timeouts.close + 1_000);
        sweepAll(subject);
      }
    },
  },
  {
    name: 'a half-open connection to a server that went down is scheduled anew by the next SYN',
    run: async (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      assert.equal(serverOf(request(subject, service, 4000)), 0);
      subject.plane.publishService(without(service, [0]));
      assert.equal(serverOf(request(subject, service, 4000)), 1);
      const listed = await connections(subject);
      assert.deepEqual(
        listed.map(({ server, state }) => [formatEndpoint(server), state]),
        [[`${SERVERS[4][1]}:8080`, 'SYN_RECV']],
      );
    },
  },
  {
    name: 'a server that is back before its client has sent anything keeps the connection',
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      subject.plane.publishService(without(service, [0]));
      // What the server says meanwhile arrives, and does not make the plane forget.
      forwarded(reply(subject, service, got, ACK));
      subject.plane.publishService(service);
      assert.equal(serverOf(request(subject, service, 4000, ACK)), 0);
      // It may go down as often as it will.
      subject.plane.publishService(without(service, [0]));
      forwarded(reply(subject, service, got, ACK));
      assert.equal(resetOf(request(subject, service, 4000, ACK), 4, 4000).flags, RST);
      assert.equal(goneCount(subject), 1);
    },
  },
  {
    name: "a client's own reset, and nothing else, still goes to the server that went down",
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.plane.publishService(without(service, [0]));
      assert.equal(serverOf(request(subject, service, 4000, RST)), 0);
      assert.equal(resetOf(request(subject, service, 4000, FIN_ACK), 4, 4000).flags, RST);
      assert.equal(goneCount(subject), 1);
    },
  },
  {
    name: 'segments without an acknowledgement are reset with one of all that they take up',
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.plane.publishService(without(service, [0]));
      const fin = segmentOf(4, 4000, 0x01, 0xffff_fffe, 77, Uint8Array.of(1, 2, 3));
      assert.deepEqual(resetOf(subject.send('public', fin), 4, 4000), {
        sequence: 0,
        ack: 2,
        flags: RST | ACK,
      });
    },
  },
  {
    name: 'no template leads to a server that went down, and clients who have one get another',
    run: (subject) => {
      const persistence = { timeout: 300_000, granularity: 32 };
      for (const how of ['remove', 'inhibit'] as const) {
        const service = resetting({ persistence, port: how === 'remove' ? 80 : 81 });
        subject.plane.publishService(service);
        const first = serverOf(request(subject, service, 4000));
        subject.plane.publishService(without(service, [first], how));
        assert.equal(serverOf(request(subject, service, 4001)), 1 - first, how);
        assert.equal(serverOf(request(subject, service, 4002)), 1 - first, how);
        const { servers } = subject.plane.counters().find(({ key }) => key === serviceKey(service))!;
        const templates = servers.map((one) => [SERVERS[4].indexOf(one.address), one.templates]);
        assert.deepEqual(templates.sort(), [first, 1 - first].map((i) => [i, i === first ? 0 : 1]).sort());
      }
    },
  },
  {
    name: 'where nobody is left, a datagram finds the port closed and a SYN is reset',
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      request(subject, service, 4000);
      subject.plane.publishService(without(service, [0, 1]));
      assert.equal(resetOf(request(subject, service, 4000), 4, 4000).flags, RST | ACK);
      assert.deepEqual([goneCount(subject), subject.plane.verdicts()['no_server']], [1, 1]);
    },
  },
  {
    name: 'what goes by the stack is reset as well',
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      const got = request(subject, service, 4000);
      assert.equal(got.action, 'NEXT');
      for (let i = 0; i < 2; i++) {
        subject.plane.publishService(without(service, [0]));
        assert.equal(reply(subject, service, got.packet, ACK).action, 'NEXT');
        if (i === 1) assert.equal(resetOf(request(subject, service, 4000, ACK), 4, 4000).flags, RST);
        subject.plane.publishService(service);
      }
    },
  },
  {
    name: 'a service that is removed while a server is gone resets its clients still',
    run: (subject) => {
      const service = resetting();
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.plane.publishService(without(service, [0], 'inhibit'));
      subject.plane.removeService(serviceKey(service));
      assert.equal(resetOf(request(subject, service, 4000, ACK), 4, 4000).flags, RST);
    },
  },
];
