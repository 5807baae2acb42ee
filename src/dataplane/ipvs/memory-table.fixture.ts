/** ip_vs's table without a kernel, as far as the plane asks of it: what it refuses, and with which errno. */
import { formatEndpoint } from '../../core/address/address.ts';
import { NetlinkError } from '../../kernel/netlink/answer.ts';
import { NO_STATS } from './codec/stats.ts';
import {
  type IpvsDaemon,
  type IpvsServer,
  type IpvsService,
  type IpvsServiceId,
  type IpvsTimeouts,
  ipvsServiceText,
  type ListedServer,
} from './codec/values.ts';
import type { Table } from './publish.ts';

const [ENOENT, ESRCH, EEXIST] = [2, 3, 17];

/** A table in memory, its hands open to a test. */
export interface MemoryTable extends Table {
  readonly services: Map<string, { service: IpvsService; servers: ListedServer[] }>;
  timeouts: IpvsTimeouts;
  readonly daemons: IpvsDaemon[];
  /** Called before each change with what is asked; may throw in the kernel's place. */
  before: (asked: string) => void;
}

const listed = (server: IpvsServer): ListedServer => ({
  ...server,
  active: 0,
  inactive: 0,
  persistent: 0,
  stats: NO_STATS,
});

/** An empty one. */
export function memoryTable(): MemoryTable {
  const services: MemoryTable['services'] = new Map();
  const refuse = (asked: string, errno: number): never => {
    throw new NetlinkError(asked, { errno });
  };
  const at = (id: IpvsServiceId) => services.get(ipvsServiceText(id)) ?? refuse(ipvsServiceText(id), ESRCH);
  const place = (servers: readonly ListedServer[], server: { address: never; port: number } | IpvsServer) =>
    servers.findIndex((one) => formatEndpoint(one) === formatEndpoint(server));
  const table: MemoryTable = {
    services,
    timeouts: { tcp: 900, tcp_fin: 120, udp: 300 },
    daemons: [],
    before: () => {},
    listServices: () => [...services.values()].map(({ service }) => ({ ...service, stats: NO_STATS })),
    getService: (id) => ({ ...at(id).service, stats: NO_STATS }),
    listServers: (id) => [...(services.get(ipvsServiceText(id))?.servers ?? [])],
    addService: (service) => {
      const name = ipvsServiceText(service.id);
      table.before(`add ${name}`);
      if (services.has(name)) refuse(name, EEXIST);
      services.set(name, { service, servers: [] });
    },
    setService: (service) => {
      table.before(`change ${ipvsServiceText(service.id)}`);
      at(service.id).service = service;
    },
    delService: (id) => {
      table.before(`remove ${ipvsServiceText(id)}`);
      at(id);
      services.delete(ipvsServiceText(id));
    },
    addServer: (id, server) => {
      table.before(`add ${formatEndpoint(server)}`);
      const { servers } = at(id);
      if (place(servers, server) >= 0) refuse(formatEndpoint(server), EEXIST);
      servers.unshift(listed(server));
    },
    setServer: (id, server) => {
      table.before(`change ${formatEndpoint(server)}`);
      const { servers } = at(id);
      const i = place(servers, server);
      if (i < 0) refuse(formatEndpoint(server), ENOENT);
      const { active, inactive, persistent, stats } = servers[i]!;
      servers[i] = { ...server, active, inactive, persistent, stats };
    },
    delServer: (id, server) => {
      table.before(`remove ${formatEndpoint(server)}`);
      const { servers } = at(id);
      const i = place(servers, server as IpvsServer);
      if (i < 0) refuse(formatEndpoint(server), ENOENT);
      servers.splice(i, 1);
    },
    getTimeouts: () => table.timeouts,
    setTimeouts: (given) => {
      const kept = Object.entries(given).filter(([, seconds]) => seconds !== 0);
      table.timeouts = { ...table.timeouts, ...Object.fromEntries(kept) };
    },
    listDaemons: () => [...table.daemons],
    startDaemon: (daemon) => {
      table.before(`start the ${daemon.state} sync daemon`);
      if (table.daemons.some(({ state }) => state === daemon.state)) refuse('start', EEXIST);
      // The kernel says a length of every one that runs.
      const least = daemon.state === 'backup' ? 1_024 : 1;
      const { sync_maxlen: longest = 1_472 } = daemon;
      table.daemons.push({ ...daemon, sync_maxlen: Math.max(longest, least) });
    },
    stopDaemon: (state) => {
      table.before(`stop the ${state} sync daemon`);
      const i = table.daemons.findIndex((one) => one.state === state);
      if (i < 0) refuse('stop', ESRCH);
      table.daemons.splice(i, 1);
    },
    info: () => ({ version: '1.2.1', conn_tab_size: 4096 }),
    close: () => {},
  };
  return table;
}
