/** Weir as it is built: `weir run` with a configuration of one service, `weir down` after. */
import { existsSync } from 'node:fs';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labWeir } from '../../src/lab/weir.ts';
import { untilServing } from '../load.ts';
import { type Director, vip, vipPrefix } from './director.ts';

/** True when Weir has been built. */
export function weirIsBuilt(): boolean {
  return existsSync(weirProgram());
}

/**
 * The configuration: one HTTP service, its real servers in turn. A turn opens some 30,000 connections; tables are made
 * for twice as many, as an operator would, since large ones cost cache and TLB misses on new connections.
 */
export function weirConfig(servers: readonly string[]): string {
  return `limits: {connections_ipv4: 64K, connections_ipv6: 1024, half_open: 4096}
director: {public: eth0, private: eth1}
vips:
  - {address: ${vipPrefix}, interface: eth0}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    scheduler: rr
    servers:
${servers.map((address) => `      - {address: ${address}}\n`).join('')}`;
}

/** Weir on its eBPF plane. */
export function weir(): Director {
  let daemon: LabProcess | undefined;
  return {
    name: 'weir',
    version: async (lab) => (await labWeir(lab).run(['version'])).split('\n')[0]!.replace(/\s+/, ' '),
    async start(lab) {
      const here = labWeir(lab);
      await here.writeConfig(weirConfig(lab.servers.map((each) => each.ipv4)));
      daemon = await here.start();
      await untilServing(lab, daemon, vip);
    },
    target: () => vip,
    async stop(lab) {
      await daemon?.stop();
      daemon = undefined;
      await labWeir(lab).run(['down']);
    },
  };
}
