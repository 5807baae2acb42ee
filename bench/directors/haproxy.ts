/** haproxy in TCP mode: two connections for each of the client's. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { type Service, untilServing } from '../load/load.ts';
import { type Director, vip, vipPrefix } from './director.ts';

function config(lab: Lab, { port }: Service): string {
  const servers = lab.servers.map((each) => `  server ${each.name} ${each.ipv4}:${port}`).join('\n');
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen bench
  bind ${vip}:${port}
  balance roundrobin
${servers}
`;
}

/** haproxy as a TCP proxy. */
export function haproxy(): Director {
  let running: LabProcess | undefined;
  return {
    name: 'haproxy (tcp)',
    // It takes UDP for log messages and QUIC only.
    protocols: ['tcp'],
    version: async (lab) => (await lab.run(lab.director, ['haproxy', '-v'])).split('\n')[0]!.trim(),
    async start(lab, load) {
      const file = join(lab.runDir, 'haproxy.cfg');
      await writeFile(file, config(lab, load.service));
      await lab.run(lab.director, ['ip', 'address', 'add', vipPrefix, 'dev', 'eth0']);
      running = await lab.spawn(lab.director, ['haproxy', '-db', '-f', file]);
      await untilServing(lab, load, running, vip);
    },
    target: () => vip,
    async stop(lab) {
      // haproxy would wait for open connections on a soft stop (SIGUSR1); TERM ends it at once.
      await running?.stop();
      running = undefined;
      await lab.run(lab.director, ['ip', 'address', 'del', vipPrefix, 'dev', 'eth0']);
    },
  };
}
