/** Sync daemons on the wire: IPVS_CMD_ATTR_DAEMON. */
import { addressBytes, familyOf } from '../../../core/address/address.ts';
import { type Attribute, encodeAttributes } from '../../../kernel/netlink/attribute.ts';
import { type Decoded, u32, zeroTerminated } from '../../../kernel/netlink/bytes.ts';
import { Complaint, readNested, u16 } from './fields.ts';
import { IPVS_CMD_ATTR, IPVS_DAEMON_ATTR } from './numbers.ts';
import { IPVS_DAEMON_STATES, type IpvsDaemon, type IpvsDaemonState } from './values.ts';

const nested = (attributes: readonly Attribute[]): Attribute => ({
  type: IPVS_CMD_ATTR.DAEMON,
  value: encodeAttributes(attributes),
});

const stateAttribute = (state: IpvsDaemonState): Attribute => ({
  type: IPVS_DAEMON_ATTR.STATE,
  value: u32(IPVS_DAEMON_STATES.indexOf(state) + 1),
});

/** The attribute that names a daemon: there is at most one of each state. */
export const daemonIdAttribute = (state: IpvsDaemonState): Attribute => nested([stateAttribute(state)]);

/** The attribute that describes a daemon to be started. */
export function daemonAttribute(daemon: IpvsDaemon): Attribute {
  const { sync_maxlen: maxlen, mcast_group: group, mcast_port: port, mcast_ttl: ttl } = daemon;
  const attributes = [
    stateAttribute(daemon.state),
    { type: IPVS_DAEMON_ATTR.MCAST_IFN, value: zeroTerminated(daemon.mcast_interface) },
    { type: IPVS_DAEMON_ATTR.SYNC_ID, value: u32(daemon.sync_id) },
  ];
  if (maxlen !== undefined) attributes.push({ type: IPVS_DAEMON_ATTR.SYNC_MAXLEN, value: u16(maxlen) });
  if (group !== undefined)
    attributes.push({
      type: familyOf(group) === 4 ? IPVS_DAEMON_ATTR.MCAST_GROUP : IPVS_DAEMON_ATTR.MCAST_GROUP6,
      value: addressBytes(group),
    });
  if (port !== undefined) attributes.push({ type: IPVS_DAEMON_ATTR.MCAST_PORT, value: u16(port) });
  if (ttl !== undefined) attributes.push({ type: IPVS_DAEMON_ATTR.MCAST_TTL, value: Uint8Array.of(ttl) });
  return nested(attributes);
}

/** Reads the attributes of an IPVS_CMD_NEW_DAEMON message. */
export function decodeDaemon(attributes: Uint8Array): Decoded<IpvsDaemon> {
  return readNested(attributes, IPVS_CMD_ATTR.DAEMON, 'sync daemon', (fields) => {
    const number = fields.number(IPVS_DAEMON_ATTR.STATE, 4, 'state of a sync daemon');
    const state = IPVS_DAEMON_STATES[number - 1];
    if (state === undefined) throw new Complaint(`state ${number} of a sync daemon`);
    const { SYNC_MAXLEN, MCAST_GROUP, MCAST_GROUP6, MCAST_PORT, MCAST_TTL } = IPVS_DAEMON_ATTR;
    const group = fields.has(MCAST_GROUP6)
      ? fields.address(MCAST_GROUP6, 6, 'group of a sync daemon')
      : fields.has(MCAST_GROUP) && fields.address(MCAST_GROUP, 4, 'group of a sync daemon');
    return {
      state,
      mcast_interface: fields.text(IPVS_DAEMON_ATTR.MCAST_IFN, 'interface of a sync daemon'),
      sync_id: fields.number(IPVS_DAEMON_ATTR.SYNC_ID, 4, 'syncid of a sync daemon'),
      ...(fields.has(SYNC_MAXLEN) && {
        sync_maxlen: fields.number(SYNC_MAXLEN, 2, 'length of a sync daemon'),
      }),
      ...(group && { mcast_group: group }),
      ...(fields.has(MCAST_PORT) && { mcast_port: fields.number(MCAST_PORT, 2, 'port of a sync daemon') }),
      ...(fields.has(MCAST_TTL) && { mcast_ttl: fields.number(MCAST_TTL, 1, 'TTL of a sync daemon') }),
    };
  });
}
