/** A lab: network namespaces in the classic LVS-NAT layout, the processes in them, and their end. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BPFFS, mountBpffs } from '../kernel/bpffs.ts';
import { type CommandOptions, type CommandResult, LabError, mustRun, runCommand } from './command.ts';
import { parseTcpCounters, type TcpCounters } from './counters.ts';
import { formatLabName, startTicksOf } from './names.ts';
import { type LabProcess, type SpawnOptions, startProcess } from './process.ts';
import { keptMark, labsDirectory, removeLab, removeStaleLabs } from './remove.ts';
import { joinBatches, type LabHost, layOut, namespacesOf, type TopologyOptions } from './topology.ts';

/** How a lab is made. */
export interface LabOptions extends TopologyOptions {
  /** The beginning of its name: `weir` and perhaps more lower-case letters. Default `weir`. */
  readonly prefix?: string;
  /** False switches transmit offloads (checksums, segmentation) off at every end of every link. Default true. */
  readonly tx?: boolean;
  /** Settings of every namespace, over those a lab needs. */
  readonly sysctls?: Readonly<Record<string, string | number>>;
}

/** A lab that is up. Close it, or use `withLab`. */
export interface Lab {
  /** Unique on this host; also the name of its pin directory. */
  readonly name: string;
  readonly director: LabHost;
  readonly clients: readonly LabHost[];
  readonly servers: readonly LabHost[];
  /** Directories of this lab alone, made with it and removed with it; `pinDir` lies on bpffs. */
  readonly runDir: string;
  readonly stateDir: string;
  readonly logDir: string;
  readonly pinDir: string;
  /** The command line that runs a command inside a host, for what is started by other means. */
  argvIn(host: LabHost, argv: readonly string[]): string[];
  /** Runs a command inside a host, whatever its exit code; throws a LabError when it cannot start or takes too long. */
  exec(host: LabHost, argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As `exec`, and throws a LabError when the exit code is not 0; gives the standard output. */
  run(host: LabHost, argv: readonly string[], options?: CommandOptions): Promise<string>;
  /** Starts a process inside a host; it ends with the lab at the latest. */
  spawn(host: LabHost, argv: readonly string[], options?: SpawnOptions): Promise<LabProcess>;
  /** Sets sysctls in a host's namespace; throws a LabError when the kernel refuses one. */
  sysctl(host: LabHost, settings: Readonly<Record<string, string | number>>): Promise<void>;
  /** TCP counters of a host since it was made, e.g. RetransSegs and TCPSynRetrans. */
  tcpCounters(host: LabHost): Promise<TcpCounters>;
  /** Ends every process of the lab and removes it; may be called more than once. */
  close(): Promise<void>;
  /** Leaves the lab up after this program has ended; it then goes away by `removeStaleLabs({ kept: true })`. */
  keep(): void;
}

const baseSysctls: Readonly<Record<string, string | number>> = {
  // Addresses are usable at once, and nobody asks for routers that are not there.
  'net.ipv6.conf.all.disable_ipv6': 0,
  'net.ipv6.conf.default.disable_ipv6': 0,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv6.conf.default.accept_ra': 0,
  'net.ipv6.conf.default.router_solicitations': 0,
  // The kernel's own defaults, whatever the host that the namespace is made on has set for itself.
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
  'net.ipv4.conf.all.send_redirects': 1,
  'net.ipv4.conf.default.send_redirects': 1,
  'net.ipv4.ip_forward': 0,
  'net.ipv6.conf.all.forwarding': 0,
};

/**
 * The same congestion control on every host, so that two runs can be compared: cubic, or reno on a host whose list of
 * those that a namespace may choose (tcp_allowed_congestion_control) leaves cubic out.
 */
function chooseCongestionControl(): 'cubic' | 'reno' {
  const allowed = readFileSync('/proc/sys/net/ipv4/tcp_allowed_congestion_control', 'utf8').trim().split(' ');
  return allowed.includes('cubic') ? 'cubic' : 'reno';
}

function inNamespace(netns: string, argv: readonly string[]): string[] {
  // Not `ip netns exec`: it mounts /sys anew and so hides bpffs.
  return ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv];
}

async function setSysctls(netns: string, settings: Readonly<Record<string, string | number>>): Promise<void> {
  const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  await mustRun(inNamespace(netns, ['sysctl', '-q', '-w', ...words]));
}

/** Claims a name by making the lab's directory, so that labs of one program cannot take the same one. */
function claimName(prefix: string): string {
  if (!/^weir[a-z]*$/.test(prefix))
    throw new RangeError(`the prefix of a lab is weir and lower-case letters, not ${JSON.stringify(prefix)}`);
  const startTicks = startTicksOf(process.pid) ?? 0;
  mkdirSync(labsDirectory, { recursive: true, mode: 0o700 });
  for (let counter = 1; ; counter += 1) {
    const name = formatLabName({ prefix, pid: process.pid, startTicks, counter });
    if (existsSync(join(labsDirectory, name))) continue;
    mkdirSync(join(labsDirectory, name), { mode: 0o700 });
    return name;
  }
}

async function raise(lab: string, options: LabOptions): Promise<ReturnType<typeof layOut>> {
  const topology = layOut(lab, options);
  const namespaces = namespacesOf(topology);
  await mustRun(['ip', '-batch', '-'], { input: namespaces.map((name) => `netns add ${name}\n`).join('') });
  const sysctls = {
    ...baseSysctls,
    'net.ipv4.tcp_congestion_control': chooseCongestionControl(),
    ...options.sysctls,
  };
  for (const name of namespaces) await setSysctls(name, sysctls);
  for (const batch of joinBatches(topology)) {
    const place = batch.netns === undefined ? [] : ['-n', batch.netns];
    await mustRun(['ip', ...place, '-batch', '-'], { input: `${batch.lines.join('\n')}\n` });
  }
  if (options.tx === false) for (const name of namespaces) await switchTxOff(name);
  return topology;
}

async function switchTxOff(netns: string): Promise<void> {
  const links = JSON.parse(await mustRun(['ip', '-n', netns, '-json', 'link', 'show', 'type', 'veth'])) as {
    ifname: string;
  }[];
  for (const { ifname } of links) await mustRun(inNamespace(netns, ['ethtool', '-K', ifname, 'tx', 'off']));
}

/**
 * Raises a lab; labs left behind by dead programs are removed first. Needs root: throws a LabError without it, and
 * when a step fails, in which case nothing is left. An exit of this program closes the lab, but a signal does not:
 * `withLab` sees to that too.
 */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  if (process.getuid?.() !== 0)
    throw new LabError('a lab is made of network namespaces, which needs root; run as root');
  removeStaleLabs();
  mountBpffs();
  const name = claimName(options.prefix ?? 'weir');
  const atExit = (): void => removeLab(name);
  process.on('exit', atExit);
  try {
    return await assemble(name, options, atExit);
  } catch (error) {
    process.off('exit', atExit);
    removeLab(name);
    throw error;
  }
}

async function assemble(name: string, options: LabOptions, atExit: () => void): Promise<Lab> {
  const directory = join(labsDirectory, name);
  const [runDir, stateDir, logDir] = ['run', 'state', 'log'].map((part) => join(directory, part)) as [
    string,
    string,
    string,
  ];
  const pinDir = join(BPFFS, name);
  for (const each of [runDir, stateDir, logDir, pinDir]) mkdirSync(each, { mode: 0o700 });
  const topology = await raise(name, options);
  const processes = new Set<LabProcess>();
  const exec = (host: LabHost, argv: readonly string[], commandOptions?: CommandOptions) =>
    runCommand(inNamespace(host.netns, argv), commandOptions);
  const run = (host: LabHost, argv: readonly string[], commandOptions?: CommandOptions) =>
    mustRun(inNamespace(host.netns, argv), commandOptions);
  let closing: Promise<void> | undefined;
  const takeDown = async (): Promise<void> => {
    // Those started last end first: a client before the director, the director before the servers.
    for (const each of [...processes].reverse()) await each.stop();
    process.off('exit', atExit);
    removeLab(name);
  };
  return {
    name,
    director: topology.director,
    clients: topology.clients,
    servers: topology.servers,
    runDir,
    stateDir,
    logDir,
    pinDir,
    argvIn: (host, argv) => inNamespace(host.netns, argv),
    exec,
    run,
    async spawn(host, argv, spawnOptions = {}) {
      const title = spawnOptions.title ?? `${argv.join(' ')} (${host.name})`;
      const child = await startProcess(inNamespace(host.netns, argv), { ...spawnOptions, title });
      processes.add(child);
      void child.ended.then(() => processes.delete(child));
      return child;
    },
    sysctl: (host, settings) => setSysctls(host.netns, settings),
    async tcpCounters(host) {
      return parseTcpCounters(await run(host, ['cat', '/proc/net/snmp', '/proc/net/netstat']));
    },
    close() {
      closing ??= takeDown();
      return closing;
    },
    keep() {
      process.off('exit', atExit);
      writeFileSync(join(directory, keptMark), '');
      for (const each of processes) each.release();
    },
  };
}

/** Raises a lab, lets `use` work in it and removes it, also after an exception, Ctrl-C or SIGTERM. */
export async function withLab<T>(options: LabOptions, use: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await createLab(options);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    void lab.close().finally(() => {
      for (const each of signals) process.off(each, onSignal);
      process.kill(process.pid, signal);
    });
  };
  for (const each of signals) process.on(each, onSignal);
  try {
    return await use(lab);
  } finally {
    await lab.close();
    for (const each of signals) process.off(each, onSignal);
  }
}
