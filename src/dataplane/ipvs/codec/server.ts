/** Destinations on the wire: IPVS_CMD_ATTR_DEST. */
import { addressBytes, type Endpoint, type Family, familyOf } from '../../../core/address/address.ts';
import { type Attribute, AttributeWriter } from '../../../kernel/netlink/attribute.ts';
import type { Decoded } from '../../../kernel/netlink/bytes.ts';
import { afOf, Complaint, type Fields, familyFrom, readNested } from './fields.ts';
import { IPVS_CMD_ATTR, IPVS_DEST_ATTR } from './numbers.ts';
import { readStats } from './stats.ts';
import {
  IPVS_FORWARDS,
  IPVS_TUNNELS,
  type IpvsServer,
  type IpvsTunnel,
  type ListedServer,
} from './values.ts';

/** IP_VS_CONN_F_FWD_MASK: the bits above are of connections. */
const FORWARD_MASK = 7;

/** Lengths of what names a destination, of what else is said of it, and of what is said of its tunnel. */
const NAME = [2, 16, 2];
const REST = [4, 4, 4, 4];
const TUNNEL = [1, 2, 2];
const LENGTHS = { name: NAME, plain: [...NAME, ...REST], tunnel: [...NAME, ...REST, ...TUNNEL] };

function writeEndpoint(writer: AttributeWriter, { address, port }: Endpoint): void {
  writer.u16(IPVS_DEST_ATTR.ADDR_FAMILY, afOf(familyOf(address)));
  // union nf_inet_addr: always 16 bytes, of which IPv4 has the first four.
  writer.bytes.set(addressBytes(address), writer.begin(IPVS_DEST_ATTR.ADDR, 16));
  writer.be16(IPVS_DEST_ATTR.PORT, port);
}

/** The attribute that names a destination of a service. */
export function serverIdAttribute(endpoint: Endpoint): Attribute {
  const writer = new AttributeWriter(LENGTHS.name);
  writeEndpoint(writer, endpoint);
  return { type: IPVS_CMD_ATTR.DEST, value: writer.bytes };
}

/** The attribute that describes a destination in full. */
export function serverAttribute(server: IpvsServer): Attribute {
  const { tunnel } = server;
  const writer = new AttributeWriter(tunnel === undefined ? LENGTHS.plain : LENGTHS.tunnel);
  writeEndpoint(writer, server);
  writer.u32(IPVS_DEST_ATTR.FWD_METHOD, IPVS_FORWARDS.indexOf(server.forward));
  writer.u32(IPVS_DEST_ATTR.WEIGHT, server.weight);
  writer.u32(IPVS_DEST_ATTR.U_THRESH, server.upper_threshold);
  writer.u32(IPVS_DEST_ATTR.L_THRESH, server.lower_threshold);
  if (tunnel !== undefined) {
    writer.bytes[writer.begin(IPVS_DEST_ATTR.TUN_TYPE, 1)] = IPVS_TUNNELS.indexOf(tunnel.type);
    writer.be16(IPVS_DEST_ATTR.TUN_PORT, tunnel.port);
    writer.u16(IPVS_DEST_ATTR.TUN_FLAGS, tunnel.flags);
  }
  return { type: IPVS_CMD_ATTR.DEST, value: writer.bytes };
}

function readTunnel(fields: Fields): IpvsTunnel {
  const number = fields.number(IPVS_DEST_ATTR.TUN_TYPE, 1, 'type of a tunnel');
  const type = IPVS_TUNNELS[number];
  if (type === undefined) throw new Complaint(`type ${number} of a tunnel`);
  const hasPort = fields.has(IPVS_DEST_ATTR.TUN_PORT);
  return {
    type,
    port: hasPort ? fields.port(IPVS_DEST_ATTR.TUN_PORT, 'port of a tunnel') : 0,
    flags: fields.numberOr(IPVS_DEST_ATTR.TUN_FLAGS, 2, 'flags of a tunnel', 0),
  };
}

/**
 * Reads the attributes of an IPVS_CMD_NEW_DEST message. `family` is the service's, which a destination has where it does
 * not say its own (before Linux 3.18).
 */
export function decodeServer(attributes: Uint8Array, family: Family): Decoded<ListedServer> {
  return readNested(attributes, IPVS_CMD_ATTR.DEST, 'destination', (fields) => {
    const number = fields.number(IPVS_DEST_ATTR.FWD_METHOD, 4, 'method of a destination');
    const forward = IPVS_FORWARDS[number & FORWARD_MASK];
    if (forward === undefined) throw new Complaint(`method ${number} of a destination`);
    const own = fields.has(IPVS_DEST_ATTR.ADDR_FAMILY)
      ? familyFrom(fields.number(IPVS_DEST_ATTR.ADDR_FAMILY, 2, 'family of a destination'))
      : family;
    const count = (type: number, what: string) => fields.numberOr(type, 4, `${what} of a destination`, 0);
    return {
      address: fields.address(IPVS_DEST_ATTR.ADDR, own, 'address of a destination'),
      port: fields.port(IPVS_DEST_ATTR.PORT, 'port of a destination'),
      forward,
      weight: fields.number(IPVS_DEST_ATTR.WEIGHT, 4, 'weight of a destination'),
      upper_threshold: count(IPVS_DEST_ATTR.U_THRESH, 'upper threshold'),
      lower_threshold: count(IPVS_DEST_ATTR.L_THRESH, 'lower threshold'),
      ...(forward === 'tunnel' && fields.has(IPVS_DEST_ATTR.TUN_TYPE) && { tunnel: readTunnel(fields) }),
      active: count(IPVS_DEST_ATTR.ACTIVE_CONNS, 'active connections'),
      inactive: count(IPVS_DEST_ATTR.INACT_CONNS, 'inactive connections'),
      persistent: count(IPVS_DEST_ATTR.PERSIST_CONNS, 'templates'),
      stats: readStats(fields, IPVS_DEST_ATTR.STATS, IPVS_DEST_ATTR.STATS64),
    };
  });
}
