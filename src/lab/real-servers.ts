/** Starts the lab's real servers. */
import type { Lab } from './lab.ts';
import type { LabProcess } from './process.ts';
import { programArgv } from './programs.ts';
import type { LabHost } from './topology.ts';

/** What the real servers listen on besides the defaults (HTTP 80, TCP echo 7, UDP echo 5353). */
export interface RealServerOptions {
  /** Ports of HTTP; default only 80. */
  readonly http?: readonly number[];
  readonly echo?: number;
  readonly udp?: number;
}

/** Starts one real server, named as its host, and waits until it listens; throws a LabError when it cannot. */
export async function startRealServer(
  lab: Lab,
  host: LabHost,
  options: RealServerOptions = {},
): Promise<LabProcess> {
  const flags = [
    ...(options.http ?? []).flatMap((port) => ['--http', String(port)]),
    ...(options.echo === undefined ? [] : ['--echo', String(options.echo)]),
    ...(options.udp === undefined ? [] : ['--udp', String(options.udp)]),
  ];
  const argv = [...programArgv('real-server'), host.name, ...flags];
  const child = await lab.spawn(host, argv, { title: `real server ${host.name}` });
  await child.waitForLine((line) => line === 'ready');
  return child;
}

/** Starts a real server on every server host of the lab. */
export function startRealServers(lab: Lab, options: RealServerOptions = {}): Promise<LabProcess[]> {
  return Promise.all(lab.servers.map((host) => startRealServer(lab, host, options)));
}
