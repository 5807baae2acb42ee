/** A segment that makes its receiver say what it expects next. */
import { addressBytes, type Endpoint } from '../address/address.ts';
import { ipPacket, sumWithAddresses } from './answer.ts';
import { write16 } from './bytes.ts';
import { TCP } from './parse.ts';
import { ACK } from './state.ts';

/**
 * A bare acknowledgement from one end of a TCP connection to the other, as an IP packet. Its numbers are 0, which are next to
 * never those of the connection: whoever gets it answers with an acknowledgement of its own, and changes nothing (RFC 9293,
 * 3.10.7.4, first step; RFC 5961, 5.2).
 */
export function bareAck(from: Endpoint, to: Endpoint): Uint8Array {
  const segment = new Uint8Array(20);
  const [source, target] = [addressBytes(from.address), addressBytes(to.address)];
  write16(segment, 0, from.port);
  write16(segment, 2, to.port);
  segment.set([0x50, ACK], 12);
  write16(segment, 16, sumWithAddresses(source, target, TCP, segment));
  return ipPacket(source, target, TCP, segment, 0);
}
