/** Fragments follow their connection in whatever order they come; extension headers and options are seen through. */
import { strict as assert } from 'node:assert';
import type { VirtualService } from '../../../src/core/model/service.ts';
import { write16 } from '../../../src/core/packet/bytes.ts';
import type { Case } from '../case.ts';
import { CLIENT, endsOf, forwarded, request, SERVERS, SYN, serviceWith, VIP } from '../conversation.ts';
import { checksumsAreRight, fragmentsOf, icmpPacket, reassemble, transportPacket } from '../frames.ts';
import type { Sent, Subject } from '../subject.ts';

const PAYLOAD = Uint8Array.from({ length: 4000 }, (_, i) => i % 251);
const SIZE = 1448;

/** A client's datagram to the service, in three fragments. */
function pieces(service: VirtualService, id = 7, port = 4000, payload = PAYLOAD): Uint8Array[] {
  const family = service.address.includes(':') ? 6 : 4;
  const packet = transportPacket({
    protocol: service.protocol,
    source: CLIENT[family],
    sourcePort: port,
    target: service.address,
    targetPort: service.port,
    payload,
  });
  return fragmentsOf(packet, id, SIZE);
}

/** The fragments as they have left, in the order of their offsets; every one has. */
function sentOn(sent: readonly Sent[]): Uint8Array[] {
  const offset = (packet: Uint8Array): number => {
    const at = packet[0]! >> 4 === 6 ? 42 : 6;
    const word = (packet[at]! << 8) | packet[at + 1]!;
    return at === 6 ? 8 * (word & 0x1fff) : word & 0xfff8;
  };
  for (const { action } of sent) assert.equal(action, 'REDIRECT');
  return sent.map(({ packet }) => packet).sort((a, b) => offset(a) - offset(b));
}

/** The datagram that has reached the first server, whole. */
function arrived(sent: readonly Sent[], family: 4 | 6): Uint8Array {
  const whole = reassemble(sentOn(sent));
  assert.ok(checksumsAreRight(whole), 'every checksum is right');
  assert.deepEqual(endsOf(whole), {
    source: { address: CLIENT[family], port: 4000 },
    target: { address: SERVERS[family][0], port: 8080 },
  });
  assert.deepEqual(whole.subarray(-PAYLOAD.length), PAYLOAD);
  return whole;
}

const published = (subject: Subject, family: 4 | 6, weights: readonly number[] = [1]): VirtualService => {
  const service = serviceWith(weights, { family, protocol: 'udp' });
  subject.plane.publishService(service);
  return service;
};

const inOrder = (family: 4 | 6): Case[] => [
  {
    name: `a datagram in fragments reaches its server over IPv${family}, and the answer its client`,
    run: (subject) => {
      const service = published(subject, family);
      arrived(
        pieces(service).map((one) => subject.send('public', one)),
        family,
      );
      const answer = transportPacket({
        protocol: 'udp',
        source: SERVERS[family][0]!,
        sourcePort: 8080,
        target: CLIENT[family],
        targetPort: 4000,
        payload: PAYLOAD,
      });
      const back = reassemble(
        sentOn(fragmentsOf(answer, 9, SIZE).map((one) => subject.send('private', one))),
      );
      assert.ok(checksumsAreRight(back));
      assert.deepEqual(endsOf(back).source, { address: VIP[family], port: 80 });
      const { conns, inpkts, outpkts } = subject.plane.counters()[0]!;
      assert.deepEqual([conns, inpkts, outpkts], [1, 3, 3]);
    },
  },
  {
    name: `fragments in any order reach one server over IPv${family}`,
    run: (subject) => {
      const service = published(subject, family, [1, 1]);
      for (const order of [
        [2, 1, 0],
        [1, 0, 2],
        [2, 0, 1],
        [1, 2, 0],
      ]) {
        const all = pieces(service, 100 + order[0]! * 10 + order[1]!);
        const sent = order.map((i) => subject.send('public', all[i]!));
        const before = order.indexOf(0);
        for (const one of sent.slice(0, before + 1)) assert.equal(one.action, 'DROP');
        assert.equal(sent[before]!.again.length, before + 1, 'the first, and those that have waited');
        arrived([...sent[before]!.again, ...sent.slice(before + 1)], family);
      }
      assert.equal(subject.plane.verdicts()['fragment_held'], 6);
    },
  },
  {
    name: `fragments of what is not forwarded are left to the stack over IPv${family}, in any order`,
    run: (subject) => {
      const [first, second, third] = pieces(serviceWith([1], { family, protocol: 'udp' })) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      assert.equal(subject.send('public', third).action, 'DROP');
      const { again } = subject.send('public', first);
      assert.deepEqual(again, [
        { action: 'NEXT', packet: first, again: [] },
        { action: 'NEXT', packet: third, again: [] },
      ]);
      assert.deepEqual(subject.send('public', second), { action: 'NEXT', packet: second, again: [] });
      assert.equal(subject.plane.verdicts()['fragment'], 2);
    },
  },
  {
    name: `with its first fragment refused, nothing of a datagram over IPv${family} goes anywhere`,
    run: (subject) => {
      const service = published(subject, family, [0]);
      const [first, ...later] = pieces(service) as [Uint8Array, Uint8Array, Uint8Array];
      assert.equal(subject.send('public', first).action, 'REDIRECT', 'answered');
      for (const one of later) assert.equal(subject.send('public', one).action, 'DROP');
      const { no_server, answered, fragment_dropped } = subject.plane.verdicts();
      assert.deepEqual([no_server, answered, fragment_dropped], [1, 1, 2]);
    },
  },
  {
    name: `a fragment over IPv${family} does not follow one of long ago, nor wait for ever`,
    run: (subject) => {
      const service = published(subject, family);
      const [first, second, third] = pieces(service) as [Uint8Array, Uint8Array, Uint8Array];
      assert.equal(subject.send('public', first).action, 'REDIRECT');
      assert.equal(subject.send('public', second).action, 'REDIRECT');
      subject.elapse(6_000);
      assert.equal(subject.send('public', third).action, 'DROP');
      assert.equal(subject.plane.verdicts()['fragment_held'], 1);
      subject.elapse(6_000);
      const sent = subject.send('public', first);
      assert.deepEqual([sent.action, sent.again], ['REDIRECT', []]);
    },
  },
  {
    name: `fragments over IPv${family} whose connection has ended are dropped`,
    run: (subject) => {
      const service = published(subject, family);
      const [first, second] = pieces(service) as [Uint8Array, Uint8Array];
      subject.plane.publishService({ ...service, timeouts: { ...service.timeouts, udp: 1_000 } });
      assert.equal(subject.send('public', first).action, 'REDIRECT');
      subject.elapse(2_000);
      assert.equal(subject.send('public', second).action, 'DROP');
      assert.equal(subject.plane.verdicts()['fragment_dropped'], 1);
    },
  },
  {
    name: `an error that quotes a later fragment over IPv${family} reaches the one who sent it`,
    run: (subject) => {
      const service = published(subject, family);
      const all = pieces(service);
      const left = sentOn(all.map((one) => subject.send('public', one)));
      const ends = { source: SERVERS[family][0]!, target: CLIENT[family] };
      const [type, code] = family === 4 ? [3, 1] : [1, 0];
      for (const [i, quote] of left.entries()) {
        const sent = subject.send('private', icmpPacket(ends, type!, code!, quote.subarray(0, 200)));
        assert.equal(sent.action, 'REDIRECT');
        assert.ok(checksumsAreRight(sent.packet), 'every checksum is right');
        const header = family === 4 ? 20 : 40;
        const quoted = sent.packet.slice(header + 8);
        // As the client sent it, but for the hop that the quote has come from.
        const original = all[i]!.slice(0, 200);
        original[family === 4 ? 8 : 7]! -= 1;
        if (family === 4) for (const packet of [quoted, original]) write16(packet, 10, 0);
        // The first one's transport checksum is left as the error quotes it.
        if (i === 0) for (const packet of [quoted, original]) write16(packet, family === 4 ? 26 : 54, 0);
        assert.deepEqual(quoted, original);
      }
      assert.equal(subject.plane.verdicts()['icmp_translated'], 3);
    },
  },
  {
    name: `an error that quotes an unknown fragment over IPv${family} is left to the stack`,
    run: (subject) => {
      const service = published(subject, family);
      const left = sentOn(pieces(service).map((one) => subject.send('public', one)));
      const quote = left[1]!.slice(0, 200);
      write16(quote, family === 4 ? 4 : 46, 99);
      const ends = { source: SERVERS[family][0]!, target: CLIENT[family] };
      assert.equal(subject.send('private', icmpPacket(ends, family === 4 ? 3 : 1, 0, quote)).action, 'NEXT');
    },
  },
];

const bounds: Case[] = [
  {
    name: 'of one datagram 64 fragments wait, and no more',
    run: (subject) => {
      const service = published(subject, 4);
      const whole = transportPacket({
        protocol: 'udp',
        source: CLIENT[4],
        sourcePort: 4000,
        target: service.address,
        targetPort: service.port,
        payload: new Uint8Array(8 * 70),
      });
      const all = fragmentsOf(whole, 7, 8);
      for (const one of all.slice(1)) assert.equal(subject.send('public', one).action, 'DROP');
      const { fragment_held, fragment_dropped } = subject.plane.verdicts();
      assert.deepEqual([fragment_held, fragment_dropped], [64, 6]);
      assert.equal(subject.send('public', all[0]!).again.length, 65);
    },
  },
  {
    name: 'a flood of fragments without a first leaves room for others',
    limits: { fragments: 256 },
    run: (subject) => {
      const service = published(subject, 4);
      for (let id = 0; id < 600; id++) subject.send('public', pieces(service, 1000 + id)[2]!);
      assert.equal(subject.plane.verdicts()['fragment_held'], 600);
      const all = pieces(service);
      const sent = [all[1]!, all[0]!, all[2]!].map((one) => subject.send('public', one));
      arrived([...sent[1]!.again, sent[2]!], 4);
    },
  },
  {
    name: 'a fragment larger than the way out is left to be cut, and so are the smaller ones of its datagram',
    run: (subject) => {
      const service = published(subject, 4);
      const packet = transportPacket({
        protocol: 'udp',
        source: CLIENT[4],
        sourcePort: 4000,
        target: service.address,
        targetPort: service.port,
        payload: PAYLOAD,
      });
      const sent = fragmentsOf(packet, 7, 1600).map((one) => subject.send('public', one));
      assert.deepEqual(
        sent.map(({ action }) => action),
        ['NEXT', 'NEXT', 'NEXT'],
      );
      assert.equal(subject.plane.verdicts()['fragmented'], 3);
      assert.ok(checksumsAreRight(reassemble(sent.map((one) => one.packet))));
    },
  },
];

/** An IPv6 SYN behind extension headers, of eight bytes each but for the first. */
function extended(kinds: readonly number[], second = 0): Uint8Array {
  const plain = transportPacket({
    protocol: 'tcp',
    source: CLIENT[6],
    sourcePort: 4000,
    target: VIP[6],
    targetPort: 80,
    flags: SYN,
  });
  const headers = kinds.map((_, i) =>
    i === 0
      ? [kinds[1] ?? 6, 1, 0, second, ...new Array<number>(12).fill(0)]
      : [kinds[i + 1] ?? 6, 0, 1, 4, 0, 0, 0, 0],
  );
  const packet = Uint8Array.of(...plain.subarray(0, 40), ...headers.flat(), ...plain.subarray(40));
  packet[6] = kinds[0]!;
  write16(packet, 4, packet.length - 40);
  return packet;
}

const extensions: Case[] = [
  {
    name: 'a SYN behind up to four extension headers is forwarded with them',
    run: (subject) => {
      subject.plane.publishService(serviceWith([1], { family: 6 }));
      for (const kinds of [[0], [60], [43], [0, 60], [0, 60, 60, 60]]) {
        const packet = extended(kinds);
        const { action, packet: got } = subject.send('public', packet);
        assert.equal(action, 'REDIRECT');
        const behind = packet.length - 20;
        assert.deepEqual(got.subarray(40, behind), packet.subarray(40, behind));
        const plain = Uint8Array.of(...got.subarray(0, 40), ...got.subarray(behind));
        plain[6] = 6;
        write16(plain, 4, 20);
        assert.ok(checksumsAreRight(plain));
        assert.equal(endsOf(plain).target.address, SERVERS[6][0]);
      }
    },
  },
  {
    name: 'what is behind other extension headers, too many or in a wrong order is left to the stack',
    run: (subject) => {
      subject.plane.publishService(serviceWith([1], { family: 6 }));
      // An authentication header; a route that is not at its end; hop-by-hop options that come second.
      const all = [extended([0, 60, 60, 60, 60]), extended([51]), extended([43], 1), extended([60, 0])];
      for (const packet of all)
        assert.deepEqual(subject.send('public', packet), { action: 'NEXT', packet, again: [] });
      assert.equal(subject.plane.verdicts()['not_ours'], all.length);
    },
  },
  {
    name: 'a SYN behind extension headers that nobody is there for is answered with a plain reset',
    run: (subject) => {
      subject.plane.publishService(serviceWith([0], { family: 6 }));
      const { action, packet } = subject.send('public', extended([0, 60]));
      assert.equal(action, 'REDIRECT');
      assert.equal(packet.length, 60);
      assert.equal(packet[53], 0x14, 'RST and ACK');
      assert.ok(checksumsAreRight(packet));
    },
  },
  {
    name: 'IPv4 options stay with the packet',
    run: (subject) => {
      const service = published(subject, 4);
      const options = new Uint8Array(8).fill(1);
      const ends = { source: CLIENT[4], sourcePort: 4000, target: VIP[4], targetPort: 80 };
      const packet = transportPacket({ protocol: 'udp', ...ends, options, payload: PAYLOAD });
      const sent = sentOn(fragmentsOf(packet, 7, SIZE).map((one) => subject.send('public', one)));
      for (const one of sent) assert.deepEqual(one.subarray(20, 28), options);
      const got = forwarded(request(subject, service, 4000));
      assert.equal(endsOf(got).target.address, SERVERS[4][0]);
    },
  },
];

export const FRAGMENT_CASES: readonly Case[] = [...inOrder(4), ...inOrder(6), ...bounds, ...extensions];
