/** ICMP errors about connections reach the end that they concern, and quote what it has sent. */
import { strict as assert } from 'node:assert';
import { addressFromBytes } from '../../../src/core/address/address.ts';
import { type Case, eventually } from '../case.ts';
import { CLIENT, endsOf, forwarded, reply, request, SERVERS, serviceWith, VIP } from '../conversation.ts';
import { icmpPacket } from '../frames.ts';

const FAMILIES = [
  { family: 4 as const, unreachable: 3, header: 20 },
  { family: 6 as const, unreachable: 1, header: 40 },
];

/** Source and target of an IP packet, without ports. */
function addresses(packet: Uint8Array) {
  const isV6 = packet[0]! >> 4 === 6;
  const [from, width] = isV6 ? [8, 16] : [12, 4];
  return [0, 1].map((i) => addressFromBytes(packet.subarray(from + i * width, from + (i + 1) * width)));
}

export const ICMP_CASES: readonly Case[] = FAMILIES.flatMap(({ family, unreachable, header }) => [
  {
    name: `an error from a server reaches the client over IPv${family}, from the VIP`,
    run: (subject) => {
      const service = serviceWith([1], { family, protocol: 'udp' });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      const error = icmpPacket({ source: SERVERS[family][0]!, target: CLIENT[family] }, unreachable, 3, got);
      const sent = forwarded(subject.send('private', error));
      assert.deepEqual(addresses(sent), [VIP[family], CLIENT[family]]);
      assert.deepEqual(endsOf(sent.subarray(header + 8)), {
        source: { address: CLIENT[family], port: 4000 },
        target: { address: VIP[family], port: 80 },
      });
      assert.equal(subject.plane.verdicts()['icmp_translated'], 1);
    },
  },
  {
    name: `an error from a client reaches its server over IPv${family}`,
    run: (subject) => {
      const service = serviceWith([1], { family, protocol: 'udp' });
      subject.plane.publishService(service);
      const back = forwarded(reply(subject, service, forwarded(request(subject, service, 4000))));
      const error = icmpPacket({ source: CLIENT[family], target: VIP[family] }, unreachable, 3, back);
      const sent = forwarded(subject.send('public', error));
      assert.deepEqual(addresses(sent), [CLIENT[family], SERVERS[family][0]]);
      assert.deepEqual(endsOf(sent.subarray(header + 8)), {
        source: { address: SERVERS[family][0], port: 8080 },
        target: { address: CLIENT[family], port: 4000 },
      });
    },
  },
  {
    name: `errors over IPv${family} are counted as packets of the connection that they are about`,
    run: async (subject) => {
      const service = serviceWith([1], { family, protocol: 'udp' });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      const back = forwarded(reply(subject, service, got));
      const [one, two] = [
        icmpPacket({ source: CLIENT[family], target: VIP[family] }, unreachable, 3, back),
        icmpPacket({ source: SERVERS[family][0]!, target: CLIENT[family] }, unreachable, 3, got),
      ];
      forwarded(subject.send('public', one));
      forwarded(subject.send('private', two));
      const sums = [2, got.length + one.length, 2, back.length + two.length];
      await eventually(subject, () => {
        const [counters] = subject.plane.counters();
        for (const of of [counters!, counters!.servers[0]!])
          assert.deepEqual([of.inpkts, of.inbytes, of.outpkts, of.outbytes], sums);
      });
    },
  },
  {
    name: `an error about somebody else's packet over IPv${family} is left to the stack`,
    run: (subject) => {
      const service = serviceWith([1], { family, protocol: 'udp' });
      subject.plane.publishService(service);
      const got = forwarded(request(subject, service, 4000));
      subject.plane.verdicts();
      const error = icmpPacket({ source: SERVERS[family][0]!, target: VIP[family] }, unreachable, 3, got);
      assert.equal(subject.send('private', error).action, 'NEXT', 'not to the one who has sent it');
      const echo = icmpPacket(
        { source: SERVERS[family][0]!, target: CLIENT[family] },
        family === 4 ? 8 : 128,
        0,
        got,
      );
      assert.equal(subject.send('private', echo).action, 'NEXT', 'no error');
    },
  },
]);
