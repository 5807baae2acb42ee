/** What checks ask in the lab: a program beside each real server, whose answers change while the traffic goes on. */
import type { Lab } from '../../src/lab/lab.ts';
import { programArgv } from '../../src/lab/programs.ts';
import type { LabHost } from '../../src/lab/topology.ts';

/** Where they listen. */
export const CHECKED_PORT = 8100;

/** The checked servers, by the place of their hosts. */
export interface CheckedServers {
  /** Puts one into a state (src/lab/checked-server.ts has them), and waits until it is in it. */
  become(n: number, state: string): Promise<void>;
}

/** Starts one on each host, until the lab ends; all are well. */
export async function startCheckedServers(lab: Lab, hosts: readonly LabHost[]): Promise<CheckedServers> {
  const servers = await Promise.all(
    hosts.map((host) =>
      lab.spawn(host, [...programArgv('checked-server'), String(CHECKED_PORT)], {
        title: `checked ${host.name}`,
      }),
    ),
  );
  for (const each of servers) await each.waitForLine((line) => line === 'ready');
  return {
    become: (n, state) =>
      new Promise((resolve) => {
        // Only a line to come: it may have been in that state before.
        const forget = servers[n]!.onLine((line) => {
          if (line !== state) return;
          forget();
          resolve();
        });
        servers[n]!.send(state);
      }),
  };
}
