/** What a host looks like from outside: all that a director might change, to be compared before and after. */
import { readdirSync } from 'node:fs';
import type { Lab } from '../../src/lab/lab.ts';

/** Parameters that change by themselves. */
const restless = /(nf_conntrack_count|tcp_mem|udp_mem|tcp_fastopen_key|stat_refresh|stable_secret|\.flush)/;

/** The state of the director's host. */
export interface HostSnapshot {
  readonly addresses: unknown;
  readonly routes: readonly string[];
  readonly firewall: string;
  /** Every parameter under net.ipv4 and net.ipv6. */
  readonly sysctls: readonly string[];
  /** Programs attached to interfaces, others' included. */
  readonly programs: unknown;
}

/** Looks at the director's host. */
export async function snapshotHost(lab: Lab): Promise<HostSnapshot> {
  const run = (...argv: string[]): Promise<string> => lab.run(lab.director, argv);
  const sysctls = await lab.exec(lab.director, ['sysctl', '-a', '-r', '^net\\.ipv[46]\\.']);
  return {
    addresses: withoutLifetimes(JSON.parse(await run('ip', '-json', 'address'))),
    routes: [
      await run('ip', 'route', 'show', 'table', 'all'),
      await run('ip', '-6', 'route', 'show', 'table', 'all'),
    ],
    firewall: await run('nft', 'list', 'ruleset'),
    sysctls: sysctls.stdout.split('\n').filter((line) => !restless.test(line)),
    programs: JSON.parse(await run('bpftool', '--json', 'net')),
  };
}

/** What is pinned for the lab, as paths from its own directory on. */
export function pinsOf(lab: Lab): string[] {
  try {
    return readdirSync(lab.pinDir, { recursive: true }).map(String).sort();
  } catch {
    return [];
  }
}

/** Remaining lifetimes count down; everything else about an address stays. */
function withoutLifetimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLifetimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'valid_life_time' && name !== 'preferred_life_time')
      .map(([name, inner]) => [name, withoutLifetimes(inner)]),
  );
}
