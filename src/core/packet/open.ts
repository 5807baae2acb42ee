/** The first packet of a connection: choose a server, find the ways, take a slot. The reference for bpf/open.h. */
import { refuse } from './answer.ts';
import { giveSlot, insertConnection } from './connection.ts';
import { isElders } from './elder.ts';
import { findService } from './group.ts';
import { enterHalfOpen } from './half-open.ts';
import { openOnePacket } from './one-packet.ts';
import { drop, type Outcome, pass } from './outcome.ts';
import { connectionEnters } from './overload.ts';
import { type Arrival, isMartian, type Packet, TCP } from './parse.ts';
import { makeTemplate, templateServer } from './persist.ts';
import { obtainSlot } from './reclaim.ts';
import { findWays } from './route.ts';
import { chooseServer, type ServerRecord, type ServiceRecord } from './service.ts';
import { isHalfOpen, isOpening, nextState, RST } from './state.ts';
import type { Verdict } from './verdict.ts';
import type { TrackedConnection, World } from './world.ts';

/** Ports tried towards the server, the client's own first. */
const PORT_TRIES = 8;
/** Spare ports are 32768 – 65535. */
const FIRST_SPARE_PORT = 32768;

/** Opens a connection for the packet, or answers what is to become of it. */
export function open(world: World, arrival: Arrival, packet: Packet): TrackedConnection | Outcome {
  const { frame } = arrival;
  if (!world.takesNew) return pass(world, 'not_ours', frame);
  const record = findService(world, packet);
  if (record === undefined || isMartian(packet)) return pass(world, 'not_ours', frame);
  if (isElders(world, packet, record)) return pass(world, 'not_ours', frame);
  if (packet.protocol === TCP && !mayBegin(record, packet)) return pass(world, 'no_connection', frame);
  if (packet.ttl <= 1) return refuse(world, arrival, packet, 'ttl_exceeded', packet.target);
  return openFor(world, arrival, packet, record);
}

/** Whether a connection may begin with this segment: a SYN, or with sloppy_tcp anything but a reset. */
function mayBegin({ service }: ServiceRecord, { flags }: Packet): boolean {
  return isOpening(flags) || (service.sloppy_tcp === true && (flags & RST) === 0);
}

/** The server for the packet, or why there is none; a persistent service remembers it for the client. */
function serverFor(world: World, packet: Packet, record: ServiceRecord): ServerRecord | Verdict {
  const { persistence } = record;
  const remembered = persistence && templateServer(world, record, packet);
  if (remembered !== undefined) return remembered;
  const server = chooseServer(record, {
    client: packet.source,
    clientPort: packet.sourcePort,
    destination: packet.target,
    now: world.surroundings.now(),
  });
  // Nobody is remembered for the sorry server: the next connection may find a real one.
  if (server === undefined) return record.sorry ?? 'no_server';
  return persistence === undefined || makeTemplate(world, record, packet, server) ? server : 'table_full';
}

/** Tells an opened connection from an answer. */
export function isOpened(opened: TrackedConnection | Outcome): opened is TrackedConnection {
  return 'state' in opened;
}

function openFor(
  world: World,
  arrival: Arrival,
  packet: Packet,
  record: ServiceRecord,
): TrackedConnection | Outcome {
  const { frame, ifindex } = arrival;
  const { family, protocol } = packet;
  const server = serverFor(world, packet, record);
  if (server === 'table_full') return drop(world, server, frame);
  if (typeof server === 'string' && record.service.no_server === 'drop')
    return drop(world, 'no_server', frame);
  if (typeof server === 'string') return refuse(world, arrival, packet, 'no_server', packet.target);
  if (record.service.one_packet) {
    const connection = openOnePacket(world, packet, { record, server }, ifindex, 'in');
    if (connection === undefined) return refuse(world, arrival, packet, 'no_route', packet.target);
    record.traffic.conns++;
    server.traffic.conns++;
    return connection;
  }
  const slot = obtainSlot(world, family, protocol);
  if (slot === undefined) return drop(world, 'table_full', frame);
  const ends = { client: packet.source, virtual: packet.target, protocol, server };
  const ways = findWays(world, ends, ifindex, 'in');
  if (ways === undefined) {
    giveSlot(world, family, slot);
    return refuse(world, arrival, packet, 'no_route', packet.target);
  }
  const state = protocol === TCP ? nextState('NONE', packet.flags, 'in') : 'UDP';
  const connection: TrackedConnection = {
    ...ends,
    ...ways,
    family,
    slot,
    service: record,
    clientPort: packet.sourcePort,
    virtualPort: packet.targetPort,
    serverPort: server.endpoint.port || packet.targetPort,
    seenPort: packet.sourcePort,
    state,
    timeout: record.timeouts[state],
    lastSeen: world.surroundings.now(),
    replied: false,
    routeEpoch: world.routeEpoch,
    byStack: world.byStack,
  };
  if (!enter(world, connection)) {
    giveSlot(world, family, slot);
    return drop(world, 'conflict', frame);
  }
  connectionEnters(server);
  return connection;
}

/**
 * Enters the connection in the table. The server sees the client's own port, unless a connection of the same client
 * with the same server (by another service) has it already: then another port, so that replies can be told apart.
 */
function enter(world: World, connection: TrackedConnection): boolean {
  let result = insertConnection(world, connection);
  for (let i = 1; i < PORT_TRIES && result === 'reply_key_taken'; i++) {
    connection.seenPort = FIRST_SPARE_PORT | (world.surroundings.random() & 0x7fff);
    result = insertConnection(world, connection);
  }
  if (result !== 'inserted') return false;
  connection.service.traffic.conns++;
  connection.server.traffic.conns++;
  if (connection.seenPort !== connection.clientPort) world.verdicts.port_changed++;
  if (isHalfOpen(connection.state)) enterHalfOpen(world, connection);
  return true;
}
