/**
 * Sees what comes in by this namespace's interfaces: prints `ready`, then every ICMP error and TCP reset as one line of
 * JSON, `{"packet": hexadecimal from the IP header on}`. Ends on TERM.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ETHERNET_HEADER, read16 } from '../../src/core/packet/bytes.ts';
import { ICMP, ICMPV6, TCP } from '../../src/core/packet/parse.ts';
import { RST } from '../../src/core/packet/state.ts';
import { openPacketSocket } from '../../src/lab/capture/packet-socket.ts';

/** Whether an IP packet without options is an ICMP error, other than about neighbours, or a reset. */
function isAnswer(packet: Uint8Array, type: number): boolean {
  const [header, protocol] = type === 0x0800 ? [20, packet[9]] : [40, packet[6]];
  if (protocol === ICMP && type === 0x0800) return [3, 11].includes(packet[header]!);
  if (protocol === ICMPV6 && type === 0x86dd) return packet[header]! < 128;
  return protocol === TCP && (packet[header + 13]! & RST) !== 0;
}

const socket = openPacketSocket();
process.on('SIGTERM', () => process.exit(0));
console.log('ready');
for (;;) {
  for (let frame = socket.read(); frame !== undefined; frame = socket.read()) {
    const packet = frame.bytes.subarray(ETHERNET_HEADER);
    if (frame.direction === 'in' && isAnswer(packet, read16(frame.bytes, 12)))
      console.log(JSON.stringify({ packet: packet.toString('hex') }));
  }
  await wait(5);
}
