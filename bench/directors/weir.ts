/** Weir as it is built: `weir run` with a configuration of one service, `weir down` after. */
import { existsSync } from 'node:fs';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labWeir } from '../../src/lab/weir.ts';
import { type Service, untilServing } from '../load/load.ts';
import { type Director, vip, vipPrefix } from './director.ts';

/** True when Weir has been built. */
export function weirIsBuilt(): boolean {
  return existsSync(weirProgram());
}

/**
 * The configuration: one service, its real servers in turn. A turn of short connections opens some 30,000 connections; tables are made
 * for twice as many, as an operator would, since large ones cost cache and TLB misses on new connections.
 */
export function weirConfig({ protocol, port }: Service, servers: readonly string[]): string {
  return `limits: {connections_ipv4: 64K, connections_ipv6: 1024, half_open: 4096}
director: {public: eth0, private: eth1}
vips:
  - {address: ${vipPrefix}, interface: eth0}
services:
  - protocol: ${protocol}
    address: ${vip}
    port: ${port}
    scheduler: rr
    servers:
${servers.map((address) => `      - {address: ${address}}\n`).join('')}`;
}

/** Weir on its eBPF plane. */
export function weir(): Director {
  let daemon: LabProcess | undefined;
  return {
    name: 'weir',
    protocols: ['tcp', 'udp'],
    version: async (lab) => (await labWeir(lab).run(['version'])).split('\n')[0]!.replace(/\s+/, ' '),
    async start(lab, load) {
      const here = labWeir(lab);
      await here.writeConfig(
        weirConfig(
          load.service,
          lab.servers.map((each) => each.ipv4),
        ),
      );
      daemon = await here.start();
      await untilServing(lab, load, daemon, vip);
    },
    target: () => vip,
    async stop(lab) {
      await daemon?.stop();
      daemon = undefined;
      await labWeir(lab).run(['down']);
    },
  };
}
