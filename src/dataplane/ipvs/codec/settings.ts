/** Time-outs and what ip_vs says of itself: IPVS_CMD_GET_CONFIG, SET_CONFIG, GET_INFO. */
import { encodeAttributes } from '../../../kernel/netlink/attribute.ts';
import { type Decoded, u32 } from '../../../kernel/netlink/bytes.ts';
import { readFields } from './fields.ts';
import { IPVS_CMD_ATTR, IPVS_INFO_ATTR } from './numbers.ts';
import type { IpvsInfo, IpvsTimeouts } from './values.ts';

const { TIMEOUT_TCP, TIMEOUT_TCP_FIN, TIMEOUT_UDP } = IPVS_CMD_ATTR;

/** The attributes of IPVS_CMD_SET_CONFIG. */
export function encodeTimeouts({ tcp, tcp_fin, udp }: IpvsTimeouts): Uint8Array {
  return encodeAttributes([
    { type: TIMEOUT_TCP, value: u32(tcp) },
    { type: TIMEOUT_TCP_FIN, value: u32(tcp_fin) },
    { type: TIMEOUT_UDP, value: u32(udp) },
  ]);
}

/** Reads the answer to IPVS_CMD_GET_CONFIG; a protocol that the kernel was built without has 0. */
export function decodeTimeouts(attributes: Uint8Array): Decoded<IpvsTimeouts> {
  return readFields(attributes, (fields) => ({
    tcp: fields.numberOr(TIMEOUT_TCP, 4, 'time-out tcp', 0),
    tcp_fin: fields.numberOr(TIMEOUT_TCP_FIN, 4, 'time-out tcpfin', 0),
    udp: fields.numberOr(TIMEOUT_UDP, 4, 'time-out udp', 0),
  }));
}

/** Reads the answer to IPVS_CMD_GET_INFO; the version's bytes are its three numbers (NVERSION in ip_vs.h). */
export function decodeInfo(attributes: Uint8Array): Decoded<IpvsInfo> {
  return readFields(attributes, (fields) => {
    const version = fields.number(IPVS_INFO_ATTR.VERSION, 4, 'version');
    return {
      version: [16, 8, 0].map((shift) => (version >>> shift) & 0xff).join('.'),
      conn_tab_size: fields.number(IPVS_INFO_ATTR.CONN_TAB_SIZE, 4, 'size of the table'),
    };
  });
}
