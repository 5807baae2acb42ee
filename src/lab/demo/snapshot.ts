/** What a director changes of its host, read before and after. */
import { existsSync, readdirSync } from 'node:fs';
import type { Lab } from '../lab.ts';

/** Each kind of setting as text lines. */
export type Snapshot = Readonly<Record<string, readonly string[]>>;

/** Parameters that change by themselves, or that cannot be read. */
const restless = /(_mem|fastopen_key|stat_refresh|stable_secret|\.flush)\b/;

interface Links {
  readonly ifname: string;
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly label?: string;
  }[];
}

/** Reads addresses, routes, firewall rules and kernel parameters of the director, and what is pinned. */
export async function takeSnapshot(lab: Lab): Promise<Snapshot> {
  const { director } = lab;
  const links = JSON.parse(await lab.run(director, ['ip', '-json', 'address'])) as Links[];
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
  return {
    addresses: links.flatMap(({ ifname, addr_info }) =>
      addr_info.map(({ local, prefixlen, label }) => `${local}/${prefixlen} dev ${ifname} ${label ?? ''}`),
    ),
    routes: lines(await lab.run(director, ['ip', 'route', 'show', 'table', 'all'])),
    'firewall rules': lines(await lab.run(director, ['nft', 'list', 'ruleset'])),
    'kernel parameters': lines(
      (await lab.exec(director, ['sysctl', '-a', '-r', '^net\\.ipv[46]\\.'])).stdout,
    ).filter((line) => !restless.test(line)),
    'pinned programs and tables': existsSync(lab.pinDir) ? readdirSync(lab.pinDir) : [],
  };
}

/** What is in one and not in the other, a line each. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  return Object.keys(before).flatMap((kind) => {
    const [old, now] = [new Set(before[kind]), new Set(after[kind])];
    return [
      ...[...old].filter((line) => !now.has(line)).map((line) => `${kind}: gone: ${line}`),
      ...[...now].filter((line) => !old.has(line)).map((line) => `${kind}: new: ${line}`),
    ];
  });
}
