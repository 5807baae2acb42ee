/** Destinations on the wire: IPVS_CMD_ATTR_DEST. */
import { type Endpoint, type Family, familyOf } from '../../../core/address/address.ts';
import { type Attribute, encodeAttributes } from '../../../kernel/netlink/attribute.ts';
import { type Decoded, u32 } from '../../../kernel/netlink/bytes.ts';
import { afOf, be16, Complaint, type Fields, familyFrom, paddedAddress, readNested, u16 } from './fields.ts';
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

const nested = (attributes: readonly Attribute[]): Attribute => ({
  type: IPVS_CMD_ATTR.DEST,
  value: encodeAttributes(attributes),
});

const endpointAttributes = ({ address, port }: Endpoint): Attribute[] => [
  { type: IPVS_DEST_ATTR.ADDR_FAMILY, value: u16(afOf(familyOf(address))) },
  { type: IPVS_DEST_ATTR.ADDR, value: paddedAddress(address) },
  { type: IPVS_DEST_ATTR.PORT, value: be16(port) },
];

/** The attribute that names a destination of a service. */
export const serverIdAttribute = (endpoint: Endpoint): Attribute => nested(endpointAttributes(endpoint));

/** The attribute that describes a destination in full. */
export function serverAttribute(server: IpvsServer): Attribute {
  const { tunnel } = server;
  return nested([
    ...endpointAttributes(server),
    { type: IPVS_DEST_ATTR.FWD_METHOD, value: u32(IPVS_FORWARDS.indexOf(server.forward)) },
    { type: IPVS_DEST_ATTR.WEIGHT, value: u32(server.weight) },
    { type: IPVS_DEST_ATTR.U_THRESH, value: u32(server.upper_threshold) },
    { type: IPVS_DEST_ATTR.L_THRESH, value: u32(server.lower_threshold) },
    ...(tunnel === undefined
      ? []
      : [
          { type: IPVS_DEST_ATTR.TUN_TYPE, value: Uint8Array.of(IPVS_TUNNELS.indexOf(tunnel.type)) },
          { type: IPVS_DEST_ATTR.TUN_PORT, value: be16(tunnel.port) },
          { type: IPVS_DEST_ATTR.TUN_FLAGS, value: u16(tunnel.flags) },
        ]),
  ]);
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
