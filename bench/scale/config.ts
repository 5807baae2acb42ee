/** A configuration of many services, as text. */

/** How large it is to be. */
export interface Size {
  readonly services: number;
  readonly servers: number;
  /** Of the connection table; a power of two. */
  readonly connections: number;
}

/** Ports that a VIP has services on, from this one on. */
const FIRST_PORT = 1_000;
const PORTS = 10;

/**
 * `size.services` wrr services of `size.servers` servers each, in the form that people write. `heavy` names services
 * whose first server has ten times its weight: what has been changed in the file.
 */
export function scaleConfig(size: Size, heavy: ReadonlySet<number> = new Set()): string {
  const services = Array.from({ length: size.services }, (_, index) => {
    const vip = Math.floor(index / PORTS);
    const port = FIRST_PORT + (index % PORTS);
    const servers = Array.from({ length: size.servers }, (_unused, server) => {
      const weight = (1 + (server % 3)) * (server === 0 && heavy.has(index) ? 10 : 1);
      return `      - {address: 192.168.1.${101 + server}, port: ${port}, weight: ${weight}}\n`;
    });
    return `  - protocol: tcp
    address: 203.${vip >> 8}.${vip & 0xff}.1
    port: ${port}
    scheduler: wrr
    servers:
${servers.join('')}`;
  });
  return `director: {public: eth0, private: eth1}
limits:
  connections_ipv4: ${size.connections}
  connections_ipv6: 16
  half_open: 64
  services: 16384
  servers: 128K
services:
${services.join('')}${FLOODED}`;
}

/** The service that connections are opened to. */
const FLOODED = `  - protocol: udp
    address: 203.0.113.100
    port: 53
    scheduler: rr
    servers:
      - {address: 192.168.1.101}
`;
