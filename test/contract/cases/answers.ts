/** What the packet path answers itself, to whom, how often, and what it leaves to the stack to be cut. */
import { strict as assert } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import { addressFromBytes } from '../../../src/core/address/address.ts';
import { read16 } from '../../../src/core/packet/bytes.ts';
import type { Case } from '../case.ts';
import {
  ACK,
  CLIENT,
  endsOf,
  forwarded,
  RST,
  request,
  SERVERS,
  SYN,
  serviceWith,
  VIP,
} from '../conversation.ts';
import { checksumsAreRight, transportPacket } from '../frames.ts';
import { at } from '../site.ts';
import type { Sent, Subject } from '../subject.ts';

const FAMILIES = [
  {
    family: 4 as const,
    header: 20,
    exceeded: 11,
    unreachable: 3,
    port: 3,
    host: 1,
    tooBig: [3, 4],
    most: 576,
  },
  {
    family: 6 as const,
    header: 40,
    exceeded: 3,
    unreachable: 1,
    port: 4,
    host: 0,
    tooBig: [2, 0],
    most: 1280,
  },
];
const MTU = 1500;

/** Longer than the way out takes by one byte. */
const tooMuch = (header: number): Uint8Array => new Uint8Array(MTU + 1 - header - 20).fill(7);

/** An error that has to be right and to go from `from` to `to`; gives it without its IP header. */
function errorOf(sent: Sent, from: string, to: string): Uint8Array {
  assert.equal(sent.action, 'REDIRECT');
  assert.ok(checksumsAreRight(sent.packet), 'every checksum is right');
  const [header, source, width] = sent.packet[0]! >> 4 === 6 ? [40, 8, 16] : [20, 12, 4];
  const end = (i: number) =>
    addressFromBytes(sent.packet.subarray(source + i * width, source + (i + 1) * width));
  assert.deepEqual([end(0), end(1)], [from, to]);
  return sent.packet.subarray(header);
}

/** How many were answered, and how many were not for their number. */
const answers = ({ plane }: Subject): (number | undefined)[] => {
  const { answered, answer_limited } = plane.verdicts();
  return [answered, answer_limited];
};

const perFamily: Case[] = FAMILIES.flatMap((numbers): Case[] => {
  const { family, header, most } = numbers;
  const isV4 = family === 4;
  const toVip = { source: CLIENT[family], target: VIP[family], sourcePort: 4000, targetPort: 80 };
  return [
    {
      name: `a request over IPv${family} on its last hop is quoted to the client as it was sent`,
      run: (subject) => {
        subject.plane.publishService(serviceWith([1], { family }));
        const packet = transportPacket({
          ...toVip,
          protocol: 'tcp',
          ttl: 1,
          payload: Uint8Array.of(1, 2, 3),
        });
        for (const state of ['new', 'known']) {
          const error = errorOf(subject.send('public', packet), VIP[family], CLIENT[family]);
          assert.deepEqual([error[0], error[1]], [numbers.exceeded, 0], state);
          assert.deepEqual([...error.subarray(8)], [...packet], state);
          forwarded(request(subject, serviceWith([1], { family }), 4000));
        }
        assert.equal(subject.plane.verdicts()['ttl_exceeded'], 2);
        assert.equal(subject.plane.counters()[0]!.inpkts, 2);
      },
    },
    {
      name: `a reply over IPv${family} on its last hop is answered from the VIP, to its server`,
      run: (subject) => {
        const service = serviceWith([1], { family, protocol: 'udp' });
        subject.plane.publishService(service);
        forwarded(request(subject, service, 4000));
        const server = SERVERS[family][0]!;
        const back = { source: server, sourcePort: 8080, target: CLIENT[family], targetPort: 4000, ttl: 1 };
        const packet = transportPacket({ ...back, protocol: 'udp' });
        const error = errorOf(subject.send('private', packet), VIP[family], server);
        assert.deepEqual([error[0], error[1]], [numbers.exceeded, 0]);
        assert.deepEqual([...error.subarray(8)], [...packet]);
      },
    },
    {
      name: `what is larger than the way out over IPv${family} is answered with the way's MTU, both ways`,
      run: (subject) => {
        const service = serviceWith([1], { family });
        subject.plane.publishService(service);
        const got = forwarded(request(subject, service, 4000));
        const payload = tooMuch(header);
        const long = { protocol: 'tcp' as const, flags: ACK, payload, dontFragment: true };
        const { source, target } = endsOf(got);
        const there = transportPacket({ ...toVip, ...long });
        const back = transportPacket({
          ...long,
          ...{ source: target.address, sourcePort: 8080, target: source.address, targetPort: 4000 },
        });
        for (const [side, packet, to] of [
          ['public', there, CLIENT[family]],
          ['private', back, SERVERS[family][0]!],
        ] as const) {
          assert.equal(packet.length, MTU + 1);
          const sent = subject.send(side, packet);
          const error = errorOf(sent, VIP[family], to);
          assert.deepEqual([error[0], error[1]], numbers.tooBig);
          assert.deepEqual([read16(error, 4), read16(error, 6)], [0, MTU]);
          assert.equal(sent.packet.length, most);
          assert.deepEqual([...error.subarray(8)], [...packet.subarray(0, most - header - 8)]);
        }
        assert.equal(subject.plane.verdicts()['too_big'], 2);
        const { inpkts, outpkts } = subject.plane.counters()[0]!;
        assert.deepEqual([inpkts, outpkts], [1, 0]);
        const just = transportPacket({ ...toVip, ...long, payload: payload.subarray(1) });
        forwarded(subject.send('public', just));
      },
    },
    {
      name: `a SYN over IPv${family} to a service without servers is reset`,
      run: (subject) => {
        subject.plane.publishService(serviceWith([0], { family }));
        const options = isV4 ? new Uint8Array(8).fill(1) : new Uint8Array();
        const packet = transportPacket({ ...toVip, protocol: 'tcp', payload: new Uint8Array(5), options });
        const sequence = (isV4 ? 28 : 40) + 4;
        packet.set([0xff, 0xff, 0xff, 0xfc], sequence);
        const segment = errorOf(subject.send('public', packet), VIP[family], CLIENT[family]);
        // The SYN and five bytes further on: 2^32 - 4 + 6.
        assert.deepEqual(
          [...segment.subarray(0, 14)],
          [0, 80, 0x0f, 0xa0, 0, 0, 0, 0, 0, 0, 0, 2, 0x50, RST | ACK],
        );
        assert.equal(segment.length, 20);
      },
    },
    {
      name: `a datagram over IPv${family} to a service without servers finds the port closed`,
      run: (subject) => {
        const service = serviceWith([], { family, protocol: 'udp' });
        subject.plane.publishService(service);
        const error = errorOf(request(subject, service, 4000), VIP[family], CLIENT[family]);
        assert.deepEqual([error[0], error[1]], [numbers.unreachable, numbers.port]);
        assert.equal(subject.plane.verdicts()['no_server'], 1);
      },
    },
    {
      name: `a server over IPv${family} to which no way leads is said to be unreachable`,
      run: (subject) => {
        const address = at(isV4 ? '10.9.9.9' : 'fd09::9');
        const service = serviceWith([], { family, servers: [{ address, port: 80, weight: 1 }] });
        subject.plane.publishService(service);
        const error = errorOf(request(subject, service, 4000), VIP[family], CLIENT[family]);
        assert.deepEqual([error[0], error[1]], [numbers.unreachable, numbers.host]);
        assert.equal(subject.plane.verdicts()['no_route'], 1);
      },
    },
  ];
});

const cut: Case[] = [
  {
    name: 'a request that may be cut goes rewritten to the stack, which counts the hop',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000));
      const sent = request(subject, service, 4000, ACK, { payload: tooMuch(20), ttl: 2 });
      assert.equal(sent.action, 'NEXT');
      assert.ok(checksumsAreRight(sent.packet));
      assert.deepEqual(endsOf(sent.packet).target, { address: SERVERS[4][0], port: 8080 });
      assert.equal(sent.packet[8], 2);
      assert.equal(subject.plane.verdicts()['fragmented'], 1);
      assert.equal(subject.plane.counters()[0]!.inpkts, 2);
    },
  },
  {
    name: 'a reply that may be cut goes rewritten to the stack, which counts the hop',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000));
      const back = { source: SERVERS[4][0]!, sourcePort: 8080, target: CLIENT[4], targetPort: 4000 };
      const packet = transportPacket({ ...back, protocol: 'tcp', flags: ACK, payload: tooMuch(20) });
      const sent = subject.send('private', packet);
      const got = forwarded(sent);
      assert.deepEqual(endsOf(got).source, { address: VIP[4], port: 80 });
      assert.equal(got[8], 64);
      assert.equal(subject.plane.verdicts()['fragmented'], 1);
    },
  },
];

const silence: Case[] = [
  {
    name: 'neither a reset nor somebody to whom no way leads is answered',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000));
      assert.equal(request(subject, service, 4000, RST, { ttl: 1 }).action, 'DROP');
      for (const client of ['8.8.8.8', '203.0.113.255'].map(at))
        assert.equal(request(subject, service, 4000, SYN, { ttl: 1, client }).action, 'DROP');
      assert.deepEqual(answers(subject), [0, 0]);
      assert.equal(subject.plane.verdicts()['ttl_exceeded'], 3);
    },
  },
  {
    name: 'answers are limited to so many at once, and counted',
    limits: { answer_rate: 1, answer_burst: 3 },
    run: (subject) => {
      const service = serviceWith([]);
      subject.plane.publishService(service);
      const actions = [4000, 4001, 4002, 4003, 4004].map((port) => request(subject, service, port).action);
      assert.deepEqual(actions, ['REDIRECT', 'REDIRECT', 'REDIRECT', 'DROP', 'DROP']);
      assert.deepEqual(answers(subject), [3, 2]);
      assert.equal(subject.plane.verdicts()['no_server'], 5);
    },
  },
  {
    name: 'however many are refused, who sends too much at once is told how much may be sent, at the same rate',
    limits: { answer_rate: 1, answer_burst: 2 },
    run: (subject) => {
      const [service, empty] = [serviceWith([1]), serviceWith([], { port: 81 })];
      subject.plane.publishService(service);
      subject.plane.publishService(empty);
      forwarded(request(subject, service, 4000));
      for (const port of [5000, 5001, 5002]) request(subject, empty, port);
      assert.deepEqual(answers(subject), [2, 1]);
      const ends = { source: CLIENT[4], target: VIP[4], sourcePort: 4000, targetPort: 80 };
      const packet = transportPacket({
        ...{ ...ends, protocol: 'tcp', flags: ACK },
        ...{ payload: tooMuch(20), dontFragment: true },
      });
      for (let sent = 0; sent < 2; sent++) {
        const error = errorOf(subject.send('public', packet), VIP[4], CLIENT[4]);
        assert.deepEqual([error[0], error[1], read16(error, 6)], [3, 4, MTU]);
      }
      assert.equal(subject.send('public', packet).action, 'DROP');
      assert.deepEqual(answers(subject), [4, 2]);
    },
  },
  {
    name: 'with a rate of 0 nobody is answered',
    limits: { answer_rate: 0 },
    run: (subject) => {
      const service = serviceWith([]);
      subject.plane.publishService(service);
      assert.equal(request(subject, service, 4000).action, 'DROP');
      assert.deepEqual(answers(subject), [0, 1]);
    },
  },
  {
    name: 'after a while there are answers again',
    limits: { answer_rate: 20, answer_burst: 1 },
    run: async (subject) => {
      const service = serviceWith([]);
      subject.plane.publishService(service);
      while (request(subject, service, 4000).action === 'REDIRECT');
      const spent = subject.plane.verdicts()['answered']!;
      for (let look = 0; look < 100 && request(subject, service, 4000).action === 'DROP'; look++) {
        subject.elapse(10);
        await wait(10);
      }
      assert.equal(subject.plane.verdicts()['answered'], spent + 1);
    },
  },
];

export const ANSWER_CASES: readonly Case[] = [...perFamily, ...cut, ...silence];
