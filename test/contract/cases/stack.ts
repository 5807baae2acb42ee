/** Packets that go by the host's stack: requests are rewritten as they come in, replies as they leave. */
import { strict as assert } from 'node:assert';
import { addressFromBytes } from '../../../src/core/address/address.ts';
import type { Case } from '../case.ts';
import {
  ACK,
  CLIENT,
  connections,
  endsOf,
  FIN_ACK,
  forwarded,
  reply,
  request,
  SERVERS,
  SYN,
  SYN_ACK,
  serviceWith,
  VIP,
} from '../conversation.ts';
import { checksumsAreRight, icmpPacket, transportPacket } from '../frames.ts';
import type { Sent, Subject } from '../subject.ts';

const FAMILIES = [
  { family: 4 as const, ttl: 8, source: 12, width: 4, header: 20, unreachable: 3 },
  { family: 6 as const, ttl: 7, source: 8, width: 16, header: 40, unreachable: 1 },
];

/** A packet that has to be left to the stack, its checksums having been looked at. */
function left(sent: Sent): Uint8Array {
  assert.equal(sent.action, 'NEXT');
  assert.ok(checksumsAreRight(sent.packet), 'every checksum is right');
  return sent.packet;
}

/** The reply to a request as the server got it. */
function answer(protocol: 'tcp' | 'udp', got: Uint8Array, flags = SYN_ACK): Uint8Array {
  const { source, target } = endsOf(got);
  return transportPacket({
    protocol,
    source: target.address,
    sourcePort: target.port,
    target: source.address,
    targetPort: source.port,
    flags,
  });
}

const state = async (subject: Subject) => (await connections(subject))[0]?.state;

const thereAndBack: Case[] = FAMILIES.flatMap(({ family, ttl }) =>
  (['tcp', 'udp'] as const).map((protocol) => ({
    name: `by the stack, ${protocol} over IPv${family} is rewritten where it comes in and where it leaves`,
    run: async (subject: Subject) => {
      const service = serviceWith([1], { family, protocol });
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      assert.equal(subject.plane.observe().forwarding, 'stack');
      const got = left(request(subject, service, 4000, SYN, { payload: Uint8Array.of(1, 2, 3) }));
      assert.deepEqual(endsOf(got), {
        source: { address: CLIENT[family], port: 4000 },
        target: { address: SERVERS[family][0], port: 8080 },
      });
      assert.equal(got[ttl], 64, 'the stack lowers it');
      const before = await state(subject);
      const back = answer(protocol, got);
      const passed = left(subject.send('private', back));
      assert.deepEqual(passed, back, 'untouched on the private side');
      assert.equal(await state(subject), before);
      assert.equal(subject.plane.counters()[0]!.outpkts, 0);
      const sent = left(subject.leave(back));
      assert.deepEqual(endsOf(sent), {
        source: { address: VIP[family], port: 80 },
        target: { address: CLIENT[family], port: 4000 },
      });
      assert.equal(sent[ttl], 64, 'lowered already');
      assert.equal(subject.plane.counters()[0]!.outpkts, 1);
      assert.deepEqual(subject.plane.verdicts()['not_ours'], 0);
      if (protocol === 'udp') return;
      left(request(subject, service, 4000, ACK));
      assert.equal(await state(subject), 'ESTABLISHED');
      left(subject.leave(answer('tcp', got, FIN_ACK)));
      assert.equal(await state(subject), 'FIN_WAIT');
    },
  })),
);

const errors: Case[] = FAMILIES.flatMap(({ family, source, width, header, unreachable }) => {
  const addresses = (packet: Uint8Array) =>
    [0, 1].map((i) => addressFromBytes(packet.subarray(source + i * width, source + (i + 1) * width)));
  const open = (subject: Subject) => {
    const service = serviceWith([1], { family, protocol: 'udp' });
    subject.plane.publishService(service);
    subject.plane.setForwarding('stack');
    return left(request(subject, service, 4000));
  };
  return [
    {
      name: `by the stack, a server's error over IPv${family} is translated where it leaves`,
      run: (subject: Subject) => {
        const error = icmpPacket(
          { source: SERVERS[family][0]!, target: CLIENT[family] },
          unreachable,
          3,
          open(subject),
        );
        assert.deepEqual(left(subject.send('private', error)), error);
        assert.equal(subject.plane.verdicts()['icmp_translated'], 0);
        const sent = left(subject.leave(error));
        assert.deepEqual(addresses(sent), [VIP[family], CLIENT[family]]);
        assert.deepEqual(endsOf(sent.subarray(header + 8)), {
          source: { address: CLIENT[family], port: 4000 },
          target: { address: VIP[family], port: 80 },
        });
        assert.equal(subject.plane.verdicts()['icmp_translated'], 1);
      },
    },
    {
      name: `by the stack, a client's error over IPv${family} is translated where it comes in`,
      run: (subject: Subject) => {
        const back = left(subject.leave(answer('udp', open(subject))));
        const error = icmpPacket({ source: CLIENT[family], target: VIP[family] }, unreachable, 3, back);
        const sent = left(subject.send('public', error));
        assert.deepEqual(addresses(sent), [CLIENT[family], SERVERS[family][0]]);
        assert.deepEqual(endsOf(sent.subarray(header + 8)), {
          source: { address: SERVERS[family][0], port: 8080 },
          target: { address: CLIENT[family], port: 4000 },
        });
      },
    },
  ];
});

export const STACK_CASES: readonly Case[] = [
  ...thereAndBack,
  ...errors,
  {
    name: 'a connection that is open when the stack is chosen goes on past it',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      subject.plane.setForwarding('stack');
      forwarded(reply(subject, service, got));
      forwarded(request(subject, service, 4000, ACK));
      assert.equal(subject.leave(answer('tcp', got)).action, 'NEXT');
      assert.equal(subject.plane.counters()[0]!.outpkts, 1);
      left(request(subject, service, 4001));
    },
  },
  {
    name: 'a connection that goes by the stack leaves it when redirection is chosen',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      const got = left(request(subject, service, 4000));
      subject.plane.setForwarding('redirect');
      forwarded(reply(subject, service, got));
      forwarded(request(subject, service, 4000, ACK));
    },
  },
  {
    name: 'by the stack, what leaves and is no reply of ours is not touched, nor counted',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      left(request(subject, service, 4000));
      const other = transportPacket({
        protocol: 'tcp',
        source: SERVERS[4][0]!,
        sourcePort: 8080,
        target: CLIENT[4],
        targetPort: 4001,
      });
      const before = subject.plane.verdicts();
      assert.deepEqual(left(subject.leave(other)), other);
      assert.deepEqual(subject.plane.verdicts(), before);
    },
  },
  {
    name: 'by the stack, a reply to an expired connection does not leave',
    run: (subject) => {
      const service = serviceWith([1], { protocol: 'udp' });
      subject.plane.publishService(service);
      subject.plane.setForwarding('stack');
      const got = left(request(subject, service, 4000));
      subject.elapse(service.timeouts.udp + 1_000);
      assert.equal(subject.send('private', answer('udp', got)).action, 'NEXT');
      assert.equal(subject.leave(answer('udp', got)).action, 'DROP');
      assert.equal(subject.plane.verdicts()['expired'], 1);
    },
  },
];
