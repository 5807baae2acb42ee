/**
 * The classic LVS-NAT layout as data: clients and the director's eth0 on the public network, the director's eth1 and
 * the real servers on the private one. Pure: the addresses and the ip(8) commands, not their execution.
 */
import { netnsName } from './names.ts';

/** The virtual addresses the samples use. The lab does not set them: the director that is tried does. */
export const labVip = { ipv4: '203.0.113.100', ipv6: '2001:db8:113::100' } as const;

/** How a lab is laid out. */
export interface TopologyOptions {
  /** 1–90; the first is 203.0.113.10. Default 1. */
  readonly clients?: number;
  /** 1–150; the first is 192.168.1.101. Default 3. */
  readonly servers?: number;
  /** Gives the clients a route to the private network: for plain routing. By default they know only their own network. */
  readonly routeToServers?: boolean;
}

/** An interface inside a namespace. */
export interface LabInterface {
  /** eth0 or eth1. */
  readonly name: string;
  readonly network: 'public' | 'private';
  /** Without the prefix length, which is 24 for IPv4 and 64 for IPv6. */
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A machine of the lab: a network namespace with its interfaces. */
export interface LabHost {
  /** director, client1, server1 … */
  readonly name: string;
  /** The namespace's name under /run/netns. */
  readonly netns: string;
  readonly interfaces: readonly LabInterface[];
  /** The addresses of its first interface. */
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The machines of a lab, and the namespace that holds the bridges joining them. */
export interface Topology {
  readonly director: LabHost;
  readonly clients: readonly LabHost[];
  readonly servers: readonly LabHost[];
  readonly switchNetns: string;
  readonly routeToServers: boolean;
}

/** Lines for one `ip -batch` run; in the namespace named, or in the one the lab is made from. */
export interface IpBatch {
  readonly netns?: string;
  readonly lines: readonly string[];
}

function host(lab: string, name: string, interfaces: readonly LabInterface[]): LabHost {
  const { ipv4, ipv6 } = interfaces[0]!;
  return { name, netns: netnsName(lab, name), interfaces, ipv4, ipv6 };
}

function publicInterface(lastPart: number): LabInterface {
  return {
    name: 'eth0',
    network: 'public',
    ipv4: `203.0.113.${lastPart}`,
    ipv6: `2001:db8:113::${lastPart}`,
  };
}

function privateInterface(name: string, lastPart: number): LabInterface {
  return {
    name,
    network: 'private',
    ipv4: `192.168.1.${lastPart}`,
    ipv6: `fd00:192:168:1::${lastPart}`,
  };
}

function range(what: string, count: number, most: number): number[] {
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw new RangeError(`a lab has 1 to ${most} ${what}, not ${count}`);
  return Array.from({ length: count }, (_, index) => index);
}

/** Lays out a lab; throws a RangeError when a number is out of range. */
export function layOut(lab: string, options: TopologyOptions = {}): Topology {
  const clients = range('clients', options.clients ?? 1, 90);
  const servers = range('real servers', options.servers ?? 3, 150);
  return {
    director: host(lab, 'director', [publicInterface(1), privateInterface('eth1', 1)]),
    clients: clients.map((index) => host(lab, `client${index + 1}`, [publicInterface(10 + index)])),
    servers: servers.map((index) => host(lab, `server${index + 1}`, [privateInterface('eth0', 101 + index)])),
    switchNetns: netnsName(lab, 'switch'),
    routeToServers: options.routeToServers ?? false,
  };
}

/** Every machine, the director first. */
export function hostsOf(topology: Topology): LabHost[] {
  return [topology.director, ...topology.clients, ...topology.servers];
}

/** Every namespace of the lab. */
export function namespacesOf(topology: Topology): string[] {
  return [topology.switchNetns, ...hostsOf(topology).map((each) => each.netns)];
}

interface Plug {
  readonly host: LabHost;
  readonly interface: LabInterface;
}

function plugsOf(topology: Topology, network: LabInterface['network']): Plug[] {
  return hostsOf(topology).flatMap((each) =>
    each.interfaces.filter((one) => one.network === network).map((one) => ({ host: each, interface: one })),
  );
}

/** The name of a bridge port: public-client1 would be longer than the 15 characters of an interface name. */
function portName(plug: Plug): string {
  return `${plug.interface.network === 'public' ? 'pub' : 'prv'}-${plug.host.name}`;
}

/** Links are made directly inside the namespaces, so none of them ever shows up on the host. */
function joinLines(topology: Topology, network: LabInterface['network']): string[] {
  const plugs = plugsOf(topology, network);
  const [first, second] = plugs;
  if (plugs.length === 2 && first !== undefined && second !== undefined)
    return [
      `link add name ${first.interface.name} netns ${first.host.netns} type veth peer name ${second.interface.name} netns ${second.host.netns}`,
    ];
  return plugs.map(
    (plug) =>
      `link add name ${plug.interface.name} netns ${plug.host.netns} type veth peer name ${portName(plug)} netns ${topology.switchNetns}`,
  );
}

function switchLines(topology: Topology): string[] {
  return (['public', 'private'] as const).flatMap((network) => {
    const plugs = plugsOf(topology, network);
    if (plugs.length === 2) return [];
    const bridge = `br-${network}`;
    return [
      `link add name ${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${bridge} up`,
      ...plugs.map((plug) => `link set ${portName(plug)} master ${bridge} up`),
    ];
  });
}

function hostLines(topology: Topology, each: LabHost): string[] {
  const lines = ['link set lo up'];
  for (const one of each.interfaces) {
    lines.push(`link set ${one.name} up`);
    lines.push(`addr add ${one.ipv4}/24 brd + dev ${one.name}`);
    lines.push(`addr add ${one.ipv6}/64 dev ${one.name} nodad`);
  }
  const [outside, inside] = topology.director.interfaces;
  if (each.name.startsWith('server'))
    lines.push(`route add default via ${inside!.ipv4}`, `route add default via ${inside!.ipv6}`);
  if (each.name.startsWith('client') && topology.routeToServers)
    lines.push(
      `route add 192.168.1.0/24 via ${outside!.ipv4}`,
      `route add fd00:192:168:1::/64 via ${outside!.ipv6}`,
    );
  return lines;
}

/** The ip(8) commands that join the machines, in order; the namespaces are there already. */
export function joinBatches(topology: Topology): IpBatch[] {
  return [
    { lines: [...joinLines(topology, 'public'), ...joinLines(topology, 'private')] },
    { netns: topology.switchNetns, lines: switchLines(topology) },
    ...hostsOf(topology).map((each) => ({ netns: each.netns, lines: hostLines(topology, each) })),
  ].filter((batch) => batch.lines.length > 0);
}
