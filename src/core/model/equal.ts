/** Equality of the model's values, field by field. */
import { formatEndpoint } from '../address/address.ts';
import { equalPersistence } from './persistence.ts';
import { type RealServer, SERVICE_OPTIONS, type VirtualService } from './service.ts';
import type { Timeouts } from './state.ts';
import { equalTunnel } from './tunnel.ts';

/** Whether two services are the same in every field; the order of servers counts, as it does to rr and wrr. */
export function equalService(a: VirtualService, b: VirtualService): boolean {
  if (a === b) return true;
  return (
    a.protocol === b.protocol &&
    a.fwmark === b.fwmark &&
    a.address === b.address &&
    a.port === b.port &&
    a.prefix_length === b.prefix_length &&
    equalPorts(a.ports, b.ports) &&
    a.scheduler === b.scheduler &&
    a.scheduler_flags?.join() === b.scheduler_flags?.join() &&
    equalTimeouts(a.timeouts, b.timeouts) &&
    equalPersistence(a.persistence, b.persistence) &&
    SERVICE_OPTIONS.every((name) => a[name] === b[name]) &&
    a.no_server === b.no_server &&
    a.on_down === b.on_down &&
    equalGone(a.gone, b.gone) &&
    a.sorry_server?.address === b.sorry_server?.address &&
    a.sorry_server?.port === b.sorry_server?.port &&
    a.servers.length === b.servers.length &&
    a.servers.every((server, i) => equalServer(server, b.servers[i]!))
  );
}

function equalPorts(a: VirtualService['ports'], b: VirtualService['ports']): boolean {
  if (a === b) return true;
  if (a?.length !== b?.length) return false;
  return a?.every(({ first, last }, i) => first === b![i]!.first && last === b![i]!.last) ?? false;
}

/** The same endpoints, in whatever order. */
function equalGone(a: VirtualService['gone'], b: VirtualService['gone']): boolean {
  if (a === b) return true;
  const [one, other] = [a ?? [], new Set(b?.map(formatEndpoint))];
  return one.length === other.size && one.every((endpoint) => other.has(formatEndpoint(endpoint)));
}

function equalServer(a: RealServer, b: RealServer): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.upper_threshold === b.upper_threshold &&
    a.lower_threshold === b.lower_threshold &&
    a.method === b.method &&
    equalTunnel(a.tunnel, b.tunnel)
  );
}

function equalTimeouts(a: Timeouts, b: Timeouts): boolean {
  if (a === b) return true;
  for (const state in a) if (a[state as keyof Timeouts] !== b[state as keyof Timeouts]) return false;
  return true;
}
