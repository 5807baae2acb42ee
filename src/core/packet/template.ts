/** Templates of persistent services, and how long they live: the reference for bpf/template.h. */
import { addressBytes } from '../address/address.ts';
import { isGroup, serviceKey } from '../model/service.ts';
import { endConnection, giveSlot, isExpired } from './connection.ts';
import { isPublished } from './group.ts';
import { connectionLeaves } from './overload.ts';
import type { ServiceRecord } from './service.ts';
import type { Template, TrackedConnection, World } from './world.ts';

type Clients = Pick<TrackedConnection, 'protocol' | 'client' | 'virtual'>;

/** Tells a template from a connection. */
export function isTemplate(one: TrackedConnection | Template): one is Template {
  return one.state === 'TEMPLATE';
}

/** The part of a client's address that tells it from others. */
export function masked({ persistence }: ServiceRecord, client: Uint8Array): Uint8Array {
  return client.map((byte, i) => byte & (persistence?.mask[i] ?? 0));
}

const keyOf = ({
  protocol,
  client,
  virtual,
  virtualPort,
  service: { service },
}: Clients & Pick<Template, 'virtualPort' | 'service'>): string =>
  // One of several ports or addresses has one for all of them.
  isGroup(service)
    ? `${client.join('.')} ${serviceKey(service)}`
    : `${protocol} ${client.join('.')} ${virtual.join('.')} ${virtualPort}`;

/** The key of the template that answers for a client of a persistent service. */
export function templateKey(record: ServiceRecord, { protocol, client, virtual }: Clients): string {
  const target = templateTarget(record, virtual);
  return keyOf({ protocol, client: masked(record, client), service: record, ...target });
}

/** Where the templates of a service say that they lead from, for a packet to this address. */
export function templateTarget(
  { service }: ServiceRecord,
  virtual: Uint8Array,
): Pick<Template, 'virtual' | 'virtualPort'> {
  if (isGroup(service)) return { virtual: addressBytes(service.address), virtualPort: 0 };
  return { virtual, virtualPort: service.port };
}

/** Whether it was last used longer ago than it is to be kept, and has controlled no connection for a while. */
export function isTemplateExpired({ surroundings, hold }: World, template: Template): boolean {
  const now = surroundings.now();
  return now - template.lastSeen > template.timeout && now - template.held > hold;
}

/** Whether what is in a slot has outlived its time. */
export function isOver(world: World, one: TrackedConnection | Template): boolean {
  return isTemplate(one) ? isTemplateExpired(world, one) : isExpired(world, one);
}

/** Whether its server is in its service's publication, with whatever weight, and not gone. */
export function isMember(world: World, template: Template): boolean {
  const { service, server } = template;
  return !server.gone && isPublished(world, service, template) && service.members.includes(server);
}

/** Removes a connection or a template. */
export function endSlot(world: World, one: TrackedConnection | Template): void {
  if (!isTemplate(one)) {
    endConnection(world, one);
    return;
  }
  world.templates.delete(keyOf(one));
  world.tables[one.family].slots[one.slot] = undefined;
  giveSlot(world, one.family, one.slot);
  one.server.templates--;
  connectionLeaves(one.server);
}

/** Notes at the connection's template, if it has one, that it controls a connection now. */
export function holdTemplate(world: World, connection: TrackedConnection): void {
  const { service, server } = connection;
  if (service.persistence === undefined) return;
  const template = world.templates.get(templateKey(service, connection));
  // A connection from before the client was sent elsewhere is none of this template's.
  if (template === undefined || template.server !== server) return;
  template.held = world.surroundings.now();
  template.replied ||= connection.replied;
}
