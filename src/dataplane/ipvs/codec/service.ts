/** Services on the wire: IPVS_CMD_ATTR_SERVICE. */
import { addressBytes, addressFromBytes, familyOf } from '../../../core/address/address.ts';
import { type Attribute, encodeAttributes } from '../../../kernel/netlink/attribute.ts';
import { type Decoded, LITTLE_ENDIAN, u32, viewOf, zeroTerminated } from '../../../kernel/netlink/bytes.ts';
import { afOf, be16, Complaint, type Fields, familyFrom, paddedAddress, readNested, u16 } from './fields.ts';
import { IPVS_CMD_ATTR, IPVS_SVC_ATTR } from './numbers.ts';
import { readStats } from './stats.ts';
import {
  IPVS_PROTOCOLS,
  type IpvsProtocol,
  type IpvsService,
  type IpvsServiceId,
  type ListedService,
} from './values.ts';

/** All flags are said, not only those that change. */
const EVERY_FLAG = 0xffff_ffff;

/** The family of a service's addresses. */
export const familyOfService = (id: IpvsServiceId) => ('fwmark' in id ? id.family : familyOf(id.address));

function idAttributes(id: IpvsServiceId): Attribute[] {
  const family: Attribute = { type: IPVS_SVC_ATTR.AF, value: u16(afOf(familyOfService(id))) };
  if ('fwmark' in id) return [family, { type: IPVS_SVC_ATTR.FWMARK, value: u32(id.fwmark) }];
  return [
    family,
    { type: IPVS_SVC_ATTR.PROTOCOL, value: u16(IPVS_PROTOCOLS[id.protocol]) },
    { type: IPVS_SVC_ATTR.ADDR, value: paddedAddress(id.address) },
    { type: IPVS_SVC_ATTR.PORT, value: be16(id.port) },
  ];
}

const nested = (attributes: readonly Attribute[]): Attribute => ({
  type: IPVS_CMD_ATTR.SERVICE,
  value: encodeAttributes(attributes),
});

/** The attribute that names a service. */
export const serviceIdAttribute = (id: IpvsServiceId): Attribute => nested(idAttributes(id));

/** The attribute that describes a service in full. */
export function serviceAttribute(service: IpvsService): Attribute {
  const { id, scheduler, flags, timeout, netmask, pe } = service;
  return nested([
    ...idAttributes(id),
    { type: IPVS_SVC_ATTR.SCHED_NAME, value: zeroTerminated(scheduler) },
    ...(pe === undefined ? [] : [{ type: IPVS_SVC_ATTR.PE_NAME, value: zeroTerminated(pe) }]),
    { type: IPVS_SVC_ATTR.FLAGS, value: Uint8Array.of(...u32(flags >>> 0), ...u32(EVERY_FLAG)) },
    { type: IPVS_SVC_ATTR.TIMEOUT, value: u32(timeout) },
    {
      type: IPVS_SVC_ATTR.NETMASK,
      value: typeof netmask === 'number' ? u32(netmask) : addressBytes(netmask),
    },
  ]);
}

function readId(fields: Fields): IpvsServiceId {
  const family = familyFrom(fields.number(IPVS_SVC_ATTR.AF, 2, 'family of a service'));
  if (fields.has(IPVS_SVC_ATTR.FWMARK))
    return { fwmark: fields.number(IPVS_SVC_ATTR.FWMARK, 4, 'mark of a service'), family };
  const number = fields.number(IPVS_SVC_ATTR.PROTOCOL, 2, 'protocol of a service');
  const [protocol] = Object.entries(IPVS_PROTOCOLS).find(([, value]) => value === number) ?? [];
  if (protocol === undefined) throw new Complaint(`protocol ${number} of a service`);
  return {
    protocol: protocol as IpvsProtocol,
    address: fields.address(IPVS_SVC_ATTR.ADDR, family, 'address of a service'),
    port: fields.port(IPVS_SVC_ATTR.PORT, 'port of a service'),
  };
}

/** Reads the attributes of an IPVS_CMD_NEW_SERVICE message, as the kernel lists services. */
export function decodeService(attributes: Uint8Array): Decoded<ListedService> {
  return readNested(attributes, IPVS_CMD_ATTR.SERVICE, 'service', (fields) => {
    const id = readId(fields);
    const mask = fields.bytes(IPVS_SVC_ATTR.NETMASK, 4, 'netmask of a service').subarray(0, 4);
    return {
      id,
      scheduler: fields.text(IPVS_SVC_ATTR.SCHED_NAME, 'scheduler of a service'),
      flags: fields.number(IPVS_SVC_ATTR.FLAGS, 4, 'flags of a service'),
      timeout: fields.number(IPVS_SVC_ATTR.TIMEOUT, 4, 'time-out of a service'),
      netmask: familyOfService(id) === 4 ? addressFromBytes(mask) : viewOf(mask).getUint32(0, LITTLE_ENDIAN),
      ...(fields.has(IPVS_SVC_ATTR.PE_NAME) && {
        pe: fields.text(IPVS_SVC_ATTR.PE_NAME, 'persistence engine of a service'),
      }),
      stats: readStats(fields, IPVS_SVC_ATTR.STATS, IPVS_SVC_ATTR.STATS64),
    };
  });
}
