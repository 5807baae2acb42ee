/** A parsed configuration file: defaults filled in, every value checked. */
import type { Checks } from './check.ts';
import type { Dataplane, DirectorInterface, Forwarding, HowAttached, Masquerade, Vip } from './host.ts';
import type { NotifyCommand } from './notify.ts';
import type { ServiceKey, VirtualService } from './service.ts';
import type { SlowStart } from './slow-start.ts';
import type { SyncDaemons } from './sync-daemon.ts';

/** How large the data plane's tables are, which are made once: a change takes effect after `weir down`. */
export interface Limits {
  /** IPv4 connections, 16 – 16,777,216. */
  readonly connections_ipv4: number;
  /** IPv6 connections, 16 – 16,777,216. */
  readonly connections_ipv6: number;
  /** Half-open TCP connections over both families, 16 – 1,048,576; the oldest goes when one more arrives. */
  readonly half_open: number;
  /** Fragmented datagrams remembered at a time, two entries each that is forwarded, 64 – 1,048,576. */
  readonly fragments: number;
  /** Virtual services, 1 – 65,536. */
  readonly services: number;
  /** Real servers over all services, those still draining included, 1 – 1,048,576. */
  readonly servers: number;
  /** Answers a second that each CPU may give in the packet path, 0 – 1,000,000; from the daemon's next start on. */
  readonly answer_rate: number;
  /** Such answers at once, 1 – 1,000,000. */
  readonly answer_burst: number;
}

export const DEFAULT_LIMITS: Limits = {
  connections_ipv4: 1_048_576,
  connections_ipv6: 131_072,
  half_open: 65_536,
  fragments: 8_192,
  services: 4_096,
  servers: 65_536,
  answer_rate: 1_000,
  answer_burst: 100,
};

/** The whole of a configuration. */
export interface Config {
  /** A change takes effect when the daemon starts, after `weir down`. */
  readonly dataplane: Dataplane;
  readonly interfaces: readonly DirectorInterface[];
  readonly forwarding: Forwarding;
  readonly vips: readonly Vip[];
  readonly services: readonly VirtualService[];
  readonly checks: Checks;
  /** How servers get their weights; services where they have them at once are absent. */
  readonly slowStarts: ReadonlyMap<ServiceKey, SlowStart>;
  readonly notify: readonly NotifyCommand[];
  /** ip_vs's alone. */
  readonly syncDaemons: SyncDaemons;
  readonly masquerade: readonly Masquerade[];
  /** Name (`net.ipv4.tcp_fin_timeout`) to value, as written to /proc/sys. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly limits: Limits;
  /** A change takes effect when the daemon starts. */
  readonly attach: HowAttached;
  /** How long the plane of another version may last after an upgrade, in milliseconds. */
  readonly retireAfterMs: number;
  /** Between two looks at the whole of what is, in milliseconds, 1 s – 20 days. */
  readonly lookEveryMs: number;
}
