/** Counters out of the tables: traffic summed over CPUs, connections as the packet path counts them. */
import { formatEndpoint } from '../../core/address/address.ts';
import type { ServerCounters, ServiceCounters, Traffic, Verdicts } from '../../core/model/counters.ts';
import { optionsOf, type RealServer, type ServiceKey, thresholdsOf } from '../../core/model/service.ts';
import { isOverloaded, thresholdsFrom } from '../../core/packet/overload.ts';
import * as contract from './contract.generated.ts';
import type { Registry, ServerEntry, ServiceEntry } from './registry.ts';
import type { Tables } from './tables.ts';

/** Services that are published or still have connections, all or those of these keys, in the order of their numbers. */
export function readCounters(
  tables: Tables,
  registry: Registry,
  of?: ReadonlySet<ServiceKey>,
): ServiceCounters[] {
  return [...registry.byId.values()]
    .filter(({ key }) => of?.has(key) !== false)
    .sort((a, b) => a.id - b.id)
    .map((entry) => ({
      key: entry.key,
      scheduler: entry.service.scheduler,
      ...(entry.service.persistence && { persistence: entry.service.persistence }),
      ...(entry.service.scheduler_flags && { scheduler_flags: entry.service.scheduler_flags }),
      ...optionsOf(entry.service),
      leaving: !entry.published,
      ...sum(tables.serviceTraffic.get(entry.id)),
      servers: serversOf(tables, entry),
    }));
}

/** A service's servers in the order of the configuration, then the sorry server, then those that are leaving. */
function serversOf(tables: Tables, { service, servers }: ServiceEntry): ServerCounters[] {
  const configured = service.servers.flatMap((one): [ServerEntry, RealServer][] => {
    const server = servers.get(formatEndpoint(one));
    return server === undefined || server.leftAt !== undefined ? [] : [[server, one]];
  });
  const sorry = service.sorry_server && servers.get(formatEndpoint(service.sorry_server));
  const standby = sorry === undefined || sorry.leftAt !== undefined ? [] : [sorry];
  const leaving = [...servers.values()]
    .filter((server) => server.leftAt !== undefined)
    .sort((a, b) => a.id - b.id);
  return [
    ...configured.map(([server, one]) => serverCounters(tables, server, one.weight, one)),
    ...standby.map((server) => ({ ...serverCounters(tables, server, 0), sorry: true as const })),
    ...leaving.map((server) => serverCounters(tables, server, 0)),
  ];
}

function serverCounters(
  tables: Tables,
  server: ServerEntry,
  weight: number,
  limits?: RealServer,
): ServerCounters {
  const { active, inactive, templates, overloaded } = tables.servers.get(server.id);
  const leaving = server.leftAt !== undefined;
  return {
    ...server.endpoint,
    weight,
    active,
    inactive,
    templates,
    leaving,
    ...sum(tables.serverTraffic.get(server.id)),
    ...(limits && thresholdsOf(limits)),
    ...(limits && isOverloaded({ thresholds: thresholdsFrom(limits), overloaded }) && { overloaded: true }),
  };
}

function sum(cpus: readonly contract.WeirTraffic[]): Traffic {
  const total = { conns: 0, inpkts: 0, outpkts: 0, inbytes: 0, outbytes: 0 };
  for (const cpu of cpus)
    for (const name of Object.keys(total) as (keyof Traffic)[]) total[name] += Number(cpu[name]);
  return total;
}

/** Names of the verdicts as the contract has them, in lower case: `no_server`, `table_full`, … */
const VERDICT_NAMES = Object.entries(contract)
  .filter(([name]) => name.startsWith('WEIR_VERDICT_') && name !== 'WEIR_VERDICT_MAX')
  .map(([name, number]) => ({
    name: name.slice('WEIR_VERDICT_'.length).toLowerCase(),
    number: number as number,
  }));

/** Packets and connections by what became of them. */
export function readVerdicts(tables: Tables): Verdicts {
  return Object.fromEntries(
    VERDICT_NAMES.map(({ name, number }) => [
      name,
      tables.verdicts.get(number).reduce((total, one) => total + Number(one), 0),
    ]),
  );
}
