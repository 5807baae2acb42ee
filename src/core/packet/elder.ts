/** Whose is a packet of no connection of ours while ip_vs still has some. The reference for bpf/elder.h. */
import { type Packet, TCP } from './parse.ts';
import type { ServiceRecord } from './service.ts';
import { isOpening } from './state.ts';
import type { World } from './world.ts';

/** What stands in `elders` for a client's packet. */
export const elderKey = ({ protocol, source, sourcePort, target, targetPort }: Packet): string =>
  `${protocol} ${source.join('.')} ${sourcePort} ${target.join('.')} ${targetPort}`;

/** Whether the packet goes on to ip_vs; what may begin a connection there is noted. */
export function isElders(world: World, packet: Packet, { service }: ServiceRecord): boolean {
  if (world.elder === 'none') return false;
  if (service.one_packet === true) return world.elder === 'leads';
  if (packet.protocol === TCP && !isOpening(packet.flags)) return true;
  if (world.elder === 'finishes') return world.elders.has(elderKey(packet));
  world.elders.add(elderKey(packet));
  return true;
}
