/**
 * The kernel's ip_vs, spoken to over generic netlink. What the values mean is in codec/values.ts; nothing here decides
 * anything, nor knows which services are Weir's.
 *
 *     const table = new IpvsTable();            // ENOENT: the module is not loaded
 *     const service = { id: { protocol: 'tcp', address, port: 80 }, scheduler: 'wlc', flags: 0, timeout: 0, netmask: … };
 *     table.addService(service);                // EEXIST: is there; ENOENT: no such scheduler or persistence engine
 *     table.addServer(service.id, { address, port: 80, forward: 'masq', weight: 1, upper_threshold: 0, lower_threshold: 0 });
 *     for (const { id, stats } of table.listServices()) table.listServers(id);
 *     table.close();
 *
 * What the kernel refuses is a `NetlinkError` (kernel/netlink/answer.ts): `errno`, its name in `code`, and what was asked;
 * an answer that makes no sense is a `NetlinkFormatError`. ESRCH: no such service; ENOENT: no such server, scheduler
 * or persistence engine; EEXIST: is there already, or the daemon runs; EPERM: needs CAP_NET_ADMIN.
 */
import { type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import { type NetlinkError, unwrap } from '../../kernel/netlink/answer.ts';
import { type Attribute, encodeAttributes } from '../../kernel/netlink/attribute.ts';
import { GenericSocket } from '../../kernel/netlink/generic.ts';
import type { SocketCalls } from '../../kernel/netlink/socket.ts';
import { type IpvsChange, requestsOf } from './changes.ts';
import { daemonAttribute, daemonIdAttribute, decodeDaemon } from './codec/daemon.ts';
import { IPVS_CMD, IPVS_GENL_NAME } from './codec/numbers.ts';
import { decodeServer, serverAttribute, serverIdAttribute } from './codec/server.ts';
import { decodeService, familyOfService, serviceAttribute, serviceIdAttribute } from './codec/service.ts';
import { decodeInfo, decodeTimeouts, encodeTimeouts } from './codec/settings.ts';
import {
  type IpvsDaemon,
  type IpvsDaemonState,
  type IpvsInfo,
  type IpvsServer,
  type IpvsService,
  type IpvsServiceId,
  type IpvsTimeouts,
  ipvsServiceText,
  type ListedServer,
  type ListedService,
} from './codec/values.ts';

/** ip_vs in the network namespace of the calling thread; every call is over when it returns. */
export class IpvsTable {
  readonly #socket: GenericSocket;

  /** Throws a `NetlinkError` with ENOENT where the kernel has no ip_vs, or has not loaded it. */
  constructor(library?: SocketCalls) {
    this.#socket = new GenericSocket(IPVS_GENL_NAME, library);
  }

  /** All services, in the kernel's order, which is none. */
  listServices(): readonly ListedService[] {
    const asked = 'list the services of ip_vs';
    return this.#dump(asked, IPVS_CMD.GET_SERVICE).map((one) => unwrap(asked, decodeService(one)));
  }

  /** One service; ESRCH where there is none. */
  getService(id: IpvsServiceId): ListedService {
    const asked = `look up ${ipvsServiceText(id)}`;
    return unwrap(asked, decodeService(this.#ask(asked, IPVS_CMD.GET_SERVICE, [serviceIdAttribute(id)])));
  }

  /** The servers of a service, the one that was added last at first, as its scheduler goes through them. None where there is no such service. */
  listServers(id: IpvsServiceId): readonly ListedServer[] {
    const asked = `list the servers of ${ipvsServiceText(id)}`;
    return this.#dump(asked, IPVS_CMD.GET_DEST, [serviceIdAttribute(id)]).map((one) =>
      unwrap(asked, decodeServer(one, familyOfService(id))),
    );
  }

  addService(service: IpvsService): void {
    this.#change(`add ${ipvsServiceText(service.id)}`, IPVS_CMD.NEW_SERVICE, [serviceAttribute(service)]);
  }

  /** Replaces all but the servers. */
  setService(service: IpvsService): void {
    this.#change(`change ${ipvsServiceText(service.id)}`, IPVS_CMD.SET_SERVICE, [serviceAttribute(service)]);
  }

  /** Its servers go with it. */
  delService(id: IpvsServiceId): void {
    this.#change(`remove ${ipvsServiceText(id)}`, IPVS_CMD.DEL_SERVICE, [serviceIdAttribute(id)]);
  }

  addServer(id: IpvsServiceId, server: IpvsServer): void {
    this.#changeServer('add', 'to', IPVS_CMD.NEW_DEST, id, server, serverAttribute(server));
  }

  /** Replaces all that is said of the server; its connections stay. */
  setServer(id: IpvsServiceId, server: IpvsServer): void {
    this.#changeServer('change', 'of', IPVS_CMD.SET_DEST, id, server, serverAttribute(server));
  }

  delServer(id: IpvsServiceId, server: Endpoint): void {
    this.#changeServer('remove', 'from', IPVS_CMD.DEL_DEST, id, server, serverIdAttribute(server));
  }

  /**
   * Makes changes in order with few calls: a hundred thousand take a second or some. Returns what the kernel refused, by the
   * places of the changes; a refusal keeps none of the later ones from being made.
   */
  changeAll(changes: readonly IpvsChange[]): ReadonlyMap<number, NetlinkError> {
    return this.#socket.changes([...requestsOf(changes)]);
  }

  /** Sets the counters of one service and its servers to zero, or of all. */
  zero(id?: IpvsServiceId): void {
    const of = id === undefined ? 'ip_vs' : ipvsServiceText(id);
    this.#change(`zero the counters of ${of}`, IPVS_CMD.ZERO, id && [serviceIdAttribute(id)]);
  }

  /** Removes every service, whosever it is. */
  flush(): void {
    this.#change('remove all services of ip_vs', IPVS_CMD.FLUSH);
  }

  getTimeouts(): IpvsTimeouts {
    const asked = 'read the time-outs of ip_vs';
    return unwrap(asked, decodeTimeouts(this.#ask(asked, IPVS_CMD.GET_CONFIG)));
  }

  setTimeouts(timeouts: IpvsTimeouts): void {
    const asked = 'set the time-outs of ip_vs';
    this.#socket.change({ asked, command: IPVS_CMD.SET_CONFIG, attributes: encodeTimeouts(timeouts) });
  }

  info(): IpvsInfo {
    const asked = 'ask ip_vs for its version';
    return unwrap(asked, decodeInfo(this.#ask(asked, IPVS_CMD.GET_INFO)));
  }

  /** The sync daemons that run: at most one of each state. */
  listDaemons(): readonly IpvsDaemon[] {
    const asked = 'list the sync daemons of ip_vs';
    return this.#dump(asked, IPVS_CMD.GET_DAEMON).map((one) => unwrap(asked, decodeDaemon(one)));
  }

  startDaemon(daemon: IpvsDaemon): void {
    this.#change(`start the ${daemon.state} sync daemon`, IPVS_CMD.NEW_DAEMON, [daemonAttribute(daemon)]);
  }

  /** ESRCH where none of that state runs. */
  stopDaemon(state: IpvsDaemonState): void {
    this.#change(`stop the ${state} sync daemon`, IPVS_CMD.DEL_DAEMON, [daemonIdAttribute(state)]);
  }

  close(): void {
    this.#socket.close();
  }

  #changeServer(
    verb: string,
    preposition: string,
    command: number,
    id: IpvsServiceId,
    server: Endpoint,
    attribute: Attribute,
  ): void {
    const asked = `${verb} ${formatEndpoint(server)} ${preposition} ${ipvsServiceText(id)}`;
    this.#change(asked, command, [serviceIdAttribute(id), attribute]);
  }

  #change(asked: string, command: number, attributes: readonly Attribute[] = []): void {
    this.#socket.change({ asked, command, attributes: encodeAttributes(attributes) });
  }

  #ask(asked: string, command: number, attributes: readonly Attribute[] = []): Uint8Array {
    return this.#socket.ask({ asked, command, attributes: encodeAttributes(attributes) }).attributes;
  }

  #dump(asked: string, command: number, attributes: readonly Attribute[] = []): readonly Uint8Array[] {
    return this.#socket
      .dump({ asked, command, attributes: encodeAttributes(attributes) })
      .map((message) => message.attributes);
  }
}

/** Opens ip_vs for the time of `use`. */
export function withIpvs<T>(use: (table: IpvsTable) => T): T {
  const table = new IpvsTable();
  try {
    return use(table);
  } finally {
    table.close();
  }
}
