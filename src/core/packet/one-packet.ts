/** Connections of one packet, for services that keep none: the reference for bpf/one_packet.h. */
import { addressBytes } from '../address/address.ts';
import { sameBytes } from './bytes.ts';
import { type FlowOfAny, findConnection } from './connection.ts';
import { isMartianAddress, UDP } from './parse.ts';
import { findWays, type Ways } from './route.ts';
import type { Direction } from './state.ts';
import type { NextHop, OnePacketServer, TrackedConnection, World } from './world.ts';

/** Where a server answers from. */
export function onePacketKey(address: Uint8Array, port: number): string {
  return `${address.join('.')} ${port}`;
}

/** A packet's addresses, and its ports if it has any. */
export type OnePacket = Pick<FlowOfAny, 'protocol' | 'source' | 'target'> &
  Partial<Pick<FlowOfAny, 'sourcePort' | 'targetPort'>>;

/** Asks for no ways: the stack has found them already. */
export const LEAVING = 'leaving';

const NOWHERE: NextHop = { ifindex: 0, hop: new Uint8Array(), mtu: 65_535 };

/**
 * The packet's own connection, coming in by `ifindex` from the given side; undefined when one of its ends is not to be
 * reached.
 */
export function openOnePacket(
  world: World,
  packet: OnePacket,
  { record, server }: OnePacketServer,
  ifindex: number | typeof LEAVING,
  direction: Direction,
): TrackedConnection | undefined {
  const { protocol, source, target, sourcePort = 0, targetPort = 0 } = packet;
  const [client, port] = direction === 'in' ? [source, sourcePort] : [target, targetPort];
  const virtual = addressBytes(record.service.address);
  const ends = { client, virtual, protocol, server };
  const ways: Ways | undefined =
    ifindex === LEAVING
      ? { toServer: NOWHERE, toClient: NOWHERE }
      : findWays(world, ends, ifindex, direction);
  if (
    ways === undefined ||
    !sameBytes(direction === 'in' ? target : source, direction === 'in' ? virtual : server.address)
  )
    return undefined;
  return {
    ...ends,
    ...ways,
    family: client.length === 4 ? 4 : 6,
    slot: -1,
    service: record,
    clientPort: port,
    virtualPort: record.service.port,
    serverPort: server.endpoint.port || record.service.port,
    seenPort: port,
    state: 'UDP',
    timeout: Number.POSITIVE_INFINITY,
    lastSeen: world.surroundings.now(),
    replied: true,
    routeEpoch: world.routeEpoch,
    byStack: world.byStack,
    isOnePacket: true,
  };
}

/** The same for a later fragment: as what it follows was, but for its own ends and ways. */
export function reopenOnePacket(
  world: World,
  packet: OnePacket,
  { service: record, server }: TrackedConnection,
  ifindex: number | typeof LEAVING,
  direction: Direction,
): TrackedConnection | undefined {
  return openOnePacket(world, packet, { record, server }, ifindex, direction);
}

/** The connection that a server's packet belongs to, made for it alone if its service keeps none. */
export function connectionOfAnswer(
  world: World,
  packet: FlowOfAny,
  ifindex: number | typeof LEAVING,
): TrackedConnection | undefined {
  const found = findConnection(world, packet, 'out');
  if (found !== undefined) return found;
  const { protocol, source, sourcePort, target } = packet;
  if (protocol !== UDP || isMartianAddress(target) || sameBytes(source, target)) return undefined;
  const answers = world.onePackets.get(onePacketKey(source, sourcePort));
  return answers && openOnePacket(world, packet, answers, ifindex, 'out');
}
