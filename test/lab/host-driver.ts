/**
 * Runs steps against the host of the network namespace that it was started in, and prints a JSON result per step. The
 * tests start it by nsenter(1), since a process cannot safely move itself, and all its threads, into another namespace.
 */
import type { Masquerade, Vip } from '../../src/core/model/host.ts';
import { masqueradeKey, vipKey } from '../../src/core/model/host.ts';
import { EMPTY_STATE } from '../../src/core/plan/states.ts';
import { openHost } from '../../src/host/open.ts';
import type { Host } from '../../src/host/port.ts';
import { listLinks } from '../../src/kernel/netlink/link.ts';
import { routesDigest } from '../../src/kernel/netlink/route.ts';

/** What a step may ask for, by name. */
export interface Wanted {
  readonly sysctls?: readonly string[];
  readonly vips?: readonly Vip[];
  readonly masquerade?: readonly Masquerade[];
}
export type DriverStep =
  | readonly ['observe', Wanted]
  | readonly ['setSysctl', string, string]
  | readonly ['addVip' | 'removeVip', Vip]
  | readonly ['addMasquerade' | 'removeMasquerade', Masquerade]
  | readonly ['restore' | 'listLinks' | 'routesDigest'];

/** What a step came to. */
export type DriverResult = { readonly value: unknown } | { readonly error: string };

async function execute(host: Host, step: DriverStep): Promise<unknown> {
  switch (step[0]) {
    case 'observe': {
      const { sysctls = [], vips = [], masquerade = [] } = step[1];
      const state = await host.observe({
        ...EMPTY_STATE,
        sysctls: new Map(sysctls.map((name) => [name, ''])),
        vips: new Map(vips.map((vip) => [vipKey(vip), vip])),
        masquerade: new Map(masquerade.map((rule) => [masqueradeKey(rule), rule])),
      });
      return {
        sysctls: Object.fromEntries(state.sysctls),
        vips: Object.fromEntries(state.vips),
        masquerade: [...state.masquerade.keys()],
      };
    }
    case 'setSysctl':
      return host.setSysctl(step[1], step[2]);
    case 'addVip':
    case 'removeVip':
      return host[step[0]](step[1]);
    case 'addMasquerade':
    case 'removeMasquerade':
      return host[step[0]](step[1]);
    case 'restore':
      return host.restore();
    case 'listLinks':
      return listLinks();
    case 'routesDigest':
      return routesDigest();
  }
}

const [stateDir, steps, nft] = process.argv.slice(2);
const host = openHost({ stateDir: stateDir!, ...(nft === undefined ? {} : { nft }) });
const results: DriverResult[] = [];
for (const step of JSON.parse(steps!) as DriverStep[]) {
  try {
    results.push({ value: (await execute(host, step)) ?? null });
  } catch (error) {
    results.push({ error: error instanceof Error ? error.message : String(error) });
  }
}
host.close();
console.log(JSON.stringify(results));
