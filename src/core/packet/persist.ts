/** A new connection of a persistent service: the reference for bpf/persist.h, without its races. */
import type { Packet } from './parse.ts';
import { obtainSlot } from './reclaim.ts';
import type { ServerRecord, ServiceRecord } from './service.ts';
import { endSlot, isMember, isTemplateExpired, masked, templateKey, templateTarget } from './template.ts';
import type { Template, World } from './world.ts';

const keyFor = (record: ServiceRecord, { protocol, source, target }: Packet): string =>
  templateKey(record, { protocol, client: source, virtual: target });

/** The server that the client's template leads to; undefined when there is none, or none any more. */
export function templateServer(
  world: World,
  record: ServiceRecord,
  packet: Packet,
): ServerRecord | undefined {
  const template = world.templates.get(keyFor(record, packet));
  if (template === undefined) return undefined;
  const expired = isTemplateExpired(world, template);
  if (expired || !isMember(world, template) || isVoid(record, template)) {
    endSlot(world, template);
    if (expired) world.verdicts.expired++;
    return undefined;
  }
  template.lastSeen = world.surroundings.now();
  template.held = template.lastSeen;
  return template.server;
}

/** Whether its server has weight 0, and the service does not let those keep their clients. */
function isVoid({ service, members }: ServiceRecord, { server }: Template): boolean {
  if (!service.persistence?.expire_quiescent_template) return false;
  return service.servers[members.indexOf(server)]?.weight === 0;
}

/** Makes a template to the server; false when there is no room. */
export function makeTemplate(
  world: World,
  record: ServiceRecord,
  packet: Packet,
  server: ServerRecord,
): boolean {
  const { family, protocol, source, target } = packet;
  const slot = obtainSlot(world, family, protocol);
  if (slot === undefined) return false;
  const now = world.surroundings.now();
  const template: Template = {
    state: 'TEMPLATE',
    family,
    slot,
    protocol,
    service: record,
    server,
    client: masked(record, source),
    ...templateTarget(record, target),
    timeout: record.persistence!.timeout,
    lastSeen: now,
    held: now,
    replied: false,
  };
  world.templates.set(keyFor(record, packet), template);
  world.tables[family].slots[slot] = template;
  server.templates++;
  return true;
}
