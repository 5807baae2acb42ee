/** Packets that are forwarded, and those that are left alone. */
import { strict as assert } from 'node:assert';
import { read16, write16 } from '../../../src/core/packet/bytes.ts';
import { changedChecksum } from '../../../src/core/packet/checksum.ts';
import type { Case } from '../case.ts';
import {
  ACK,
  CLIENT,
  endsOf,
  forwarded,
  reply,
  request,
  SERVERS,
  SYN,
  serviceWith,
  VIP,
} from '../conversation.ts';
import { transportPacket } from '../frames.ts';

const thereAndBack: Case[] = ([4, 6] as const).flatMap((family) =>
  (['tcp', 'udp'] as const).map((protocol) => ({
    name: `${protocol} over IPv${family} is rewritten on the way there and on the way back`,
    run: (subject) => {
      const service = serviceWith([1], { family, protocol });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000, SYN, { payload: Uint8Array.of(1, 2, 3) }));
      assert.deepEqual(endsOf(got), {
        source: { address: CLIENT[family], port: 4000 },
        target: { address: SERVERS[family][0], port: 8080 },
      });
      assert.equal(got[family === 4 ? 8 : 7], 63, 'one hop further on');
      assert.deepEqual([...got.subarray(-3)], [1, 2, 3]);
      const back = forwarded(reply(subject, service, got));
      assert.deepEqual(endsOf(back), {
        source: { address: VIP[family], port: 80 },
        target: { address: CLIENT[family], port: 4000 },
      });
    },
  })),
);

/** Left to the stack as they came. */
const leftAlone: Case[] = [
  {
    name: 'packets to nobody are left to the stack',
    run: (subject) => {
      const sent = request(subject, serviceWith([1]), 4000);
      assert.equal(sent.action, 'NEXT');
      assert.deepEqual(endsOf(sent.packet).target, { address: VIP[4], port: 80 });
      assert.equal(subject.plane.verdicts()['not_ours'], 1);
    },
  },
  {
    name: 'a segment that is neither known nor a SYN is left to the stack',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      assert.equal(request(subject, service, 4000, ACK).action, 'NEXT');
      assert.equal(request(subject, service, 4000, 0x03).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['no_connection'], 2);
    },
  },
];

const checksums: Case[] = [
  {
    name: 'a datagram without a checksum stays without',
    run: (subject) => {
      const service = serviceWith([1], { protocol: 'udp' });
      subject.plane.publishService(service);
      const packet = transportPacket({
        protocol: 'udp',
        source: CLIENT[4],
        sourcePort: 4000,
        target: VIP[4],
        targetPort: 80,
      });
      write16(packet, 26, 0);
      const sent = subject.send('public', packet);
      assert.equal(sent.action, 'REDIRECT');
      assert.equal(read16(sent.packet, 26), 0);
    },
  },
  {
    name: 'a datagram whose checksum comes to 0 is sent with 0xffff',
    run: (subject) => {
      const service = serviceWith([1], { protocol: 'udp' });
      subject.plane.publishService(service);
      const ends = { protocol: 'udp' as const, source: CLIENT[4], sourcePort: 4000 };
      const toServer = { ...ends, target: SERVERS[4][0]!, targetPort: 8080 };
      // The checksum over a payload of 0, as payload, takes the sum to 0.
      const sum = read16(transportPacket({ ...toServer, payload: new Uint8Array(2) }), 26);
      const payload = Uint8Array.of(sum >> 8, sum & 0xff);
      assert.equal(read16(transportPacket({ ...toServer, payload }), 26), 0xffff);
      const got = forwarded(
        subject.send('public', transportPacket({ ...ends, target: VIP[4], targetPort: 80, payload })),
      );
      assert.equal(read16(got, 26), 0xffff);
    },
  },
  {
    name: 'a wrong checksum stays wrong',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const ends = { protocol: 'tcp' as const, source: CLIENT[4], sourcePort: 4000 };
      const packet = transportPacket({ ...ends, target: VIP[4], targetPort: 80 });
      const right = transportPacket({ ...ends, target: SERVERS[4][0]!, targetPort: 8080 });
      const [was, shouldBe] = [read16(packet, 36), read16(right, 36)];
      write16(packet, 36, was ^ 0x1000);
      const word = (value: number) => Uint8Array.of(value >> 8, value & 0xff);
      const sent = subject.send('public', packet);
      assert.equal(sent.action, 'REDIRECT');
      assert.notEqual(read16(sent.packet, 36), shouldBe);
      // By as much as before: the same difference in one's complement.
      assert.equal(
        read16(sent.packet, 36),
        ~changedChecksum(~shouldBe, word(was), word(was ^ 0x1000)) & 0xffff,
      );
    },
  },
  {
    name: 'a packet at the end of its life is not forwarded',
    run: (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000));
      for (const ttl of [0, 1]) request(subject, service, 4000, ACK, { ttl });
      assert.equal(subject.plane.verdicts()['ttl_exceeded'], 2);
      assert.equal(subject.plane.counters()[0]!.inpkts, 1);
      assert.equal(forwarded(request(subject, service, 4000, ACK, { ttl: 2 }))[8], 1);
    },
  },
];

export const FORWARDING_CASES: readonly Case[] = [...thereAndBack, ...leftAlone, ...checksums];
