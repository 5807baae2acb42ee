/** Changes of ip_vs as values, for many of them at a time. */
import { type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import { type Attribute, encodeAttributes } from '../../kernel/netlink/attribute.ts';
import type { GenericRequest } from '../../kernel/netlink/generic.ts';
import { IPVS_CMD } from './codec/numbers.ts';
import { serverAttribute, serverIdAttribute } from './codec/server.ts';
import { serviceAttribute, serviceIdAttribute } from './codec/service.ts';
import { type IpvsServer, type IpvsService, type IpvsServiceId, ipvsServiceText } from './codec/values.ts';

/** A change of one service or one server. */
export type IpvsChange =
  | { readonly kind: 'add-service' | 'edit-service'; readonly service: IpvsService }
  | { readonly kind: 'delete-service'; readonly id: IpvsServiceId }
  | { readonly kind: 'add-server' | 'edit-server'; readonly id: IpvsServiceId; readonly server: IpvsServer }
  | { readonly kind: 'delete-server'; readonly id: IpvsServiceId; readonly server: Endpoint };

const COMMANDS = {
  'add-service': IPVS_CMD.NEW_SERVICE,
  'edit-service': IPVS_CMD.SET_SERVICE,
  'delete-service': IPVS_CMD.DEL_SERVICE,
  'add-server': IPVS_CMD.NEW_DEST,
  'edit-server': IPVS_CMD.SET_DEST,
  'delete-server': IPVS_CMD.DEL_DEST,
} as const;

function attributesOf(change: IpvsChange, nameOf: (id: IpvsServiceId) => Attribute): readonly Attribute[] {
  if ('service' in change) return [serviceAttribute(change.service)];
  if (change.kind === 'delete-service') return [nameOf(change.id)];
  const { id, kind, server } = change;
  return [
    nameOf(id),
    kind === 'delete-server' ? serverIdAttribute(server) : serverAttribute(server as IpvsServer),
  ];
}

function askedOf(change: IpvsChange): string {
  const verb = change.kind.startsWith('add') ? 'add' : change.kind.startsWith('edit') ? 'change' : 'remove';
  const service = ipvsServiceText('service' in change ? change.service.id : change.id);
  return 'server' in change ? `${verb} ${formatEndpoint(change.server)} of ${service}` : `${verb} ${service}`;
}

/** Changes as they are asked of the kernel. Most servers follow one of the same service, whose name is written once for them. */
export function* requestsOf(changes: Iterable<IpvsChange>): Generator<GenericRequest> {
  let [text, name]: [string | undefined, Attribute | undefined] = [undefined, undefined];
  const nameOf = (id: IpvsServiceId): Attribute => {
    const wanted = ipvsServiceText(id);
    if (name === undefined || wanted !== text) [text, name] = [wanted, serviceIdAttribute(id)];
    return name;
  };
  for (const change of changes)
    yield {
      // Words are made for what is refused alone.
      get asked() {
        return askedOf(change);
      },
      command: COMMANDS[change.kind],
      attributes: encodeAttributes(attributesOf(change, nameOf)),
    };
}
