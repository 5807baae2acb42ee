/** A namespace with two veth pairs for the tests of the host, and what they look at in it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiled } from '../support/compiled.ts';
import type { DriverResult, DriverStep } from './host-driver.ts';

const driver = compiled('host-driver.ts', import.meta.url);
const killAt = compiled('kill-at.ts', import.meta.url);

/** A namespace with eth0 and eth1 up, each the end of a veth pair, and a state directory. */
export interface HostLab {
  readonly stateDir: string;
  /** Runs a program in the namespace; returns what it prints, and throws if it fails. */
  run(program: string, ...args: readonly string[]): string;
  /** Runs the steps in one process; a result for each. */
  drive(...steps: readonly DriverStep[]): readonly DriverResult[];
  /** As `drive`, with another nft program. */
  driveWithNft(nft: string, ...steps: readonly DriverStep[]): readonly DriverResult[];
  /** As `drive`, killed at the given moment (see kill-at.ts), from 1; false once the steps end before it. */
  driveKilledAt(moment: number, ...steps: readonly DriverStep[]): boolean;
  /** A sysctl's value as the kernel prints it, without the line feed. */
  sysctl(name: string): string;
  setSysctl(name: string, value: string): void;
  /** All that a director changes: addresses, routes, firewall, and every parameter under net.ipv4 and net.ipv6. */
  snapshot(): unknown;
  /** The record, parsed; undefined if there is none. */
  record(): Record<string, unknown> | undefined;
  writeRecord(record: unknown): void;
  remove(): void;
}

/** Parameters that change by themselves. */
const RESTLESS = /(nf_conntrack_count|tcp_mem|udp_mem|tcp_fastopen_key|stat_refresh|stable_secret|\.flush)/;

export function makeHostLab(): HostLab {
  const name = `weir-host-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const parent = mkdtempSync(join(tmpdir(), 'weir-host-'));
  const stateDir = join(parent, 'state');
  execFileSync('ip', ['netns', 'add', name]);
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync('nsenter', [`--net=/run/netns/${name}`, program, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const driveRaw = (steps: readonly DriverStep[], nft: readonly string[]): readonly DriverResult[] => {
    const args = [driver(), stateDir, JSON.stringify(steps), ...nft];
    return JSON.parse(run(process.execPath, ...args));
  };
  for (const end of ['eth0', 'eth1']) {
    run('ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', `${end}-far`);
    // Without link-local addresses, whose detection of duplicates would change the picture while a test looks at it.
    for (const one of [end, `${end}-far`]) run('ip', 'link', 'set', one, 'addrgenmode', 'none', 'up');
  }
  awaitCarrier(() => run('ip', '-j', 'link', 'show', 'type', 'veth'));
  const recordPath = join(stateDir, 'host.json');
  return {
    stateDir,
    run,
    drive: (...steps) => driveRaw(steps, []),
    driveWithNft: (nft, ...steps) => driveRaw(steps, [nft]),
    driveKilledAt: (moment, ...steps) => {
      const args = [`WEIR_TEST_KILL_AT=${moment}`, process.execPath, '--import', killAt()];
      try {
        run('env', ...args, driver(), stateDir, JSON.stringify(steps));
        return false;
      } catch (error) {
        if ((error as { signal?: unknown }).signal === 'SIGKILL') return true;
        throw error;
      }
    },
    sysctl: (key) => run('sysctl', '-n', key).trim(),
    setSysctl: (key, value) => {
      run('sysctl', '-q', '-w', `${key}=${value}`);
    },
    snapshot: () => ({
      addresses: JSON.parse(run('ip', '-j', 'addr')),
      routes: [run('ip', 'route', 'show', 'table', 'all'), run('ip', '-6', 'route', 'show', 'table', 'all')],
      firewall: run('nft', 'list', 'ruleset'),
      sysctls: run('sh', '-c', 'sysctl -a -r "^net\\.ipv[46]\\." 2>/dev/null')
        .split('\n')
        .filter((line) => !RESTLESS.test(line)),
    }),
    record: () => {
      try {
        return JSON.parse(readFileSync(recordPath, 'utf8'));
      } catch {
        return undefined;
      }
    },
    writeRecord: (record) => writeFileSync(recordPath, JSON.stringify(record)),
    remove: () => {
      execFileSync('ip', ['netns', 'del', name]);
      rmSync(parent, { recursive: true });
    },
  };
}

/** The kernel reports a carrier a moment after both ends are up (net/core/link_watch.c), and until then links look different. */
function awaitCarrier(list: () => string): void {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const links = JSON.parse(list()) as { operstate: string }[];
    if (links.every(({ operstate }) => operstate === 'UP')) return;
    if (Date.now() > deadline) throw new Error(`no carrier within 10 s: ${JSON.stringify(links)}`);
  }
}
