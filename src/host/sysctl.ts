/** Kernel parameters by name, read from and written to /proc/sys/net (proc_sys_net(5), sysctl(8)). */
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { codeOf, HostError } from './errors.ts';

/**
 * The file of a parameter. Dots part the name, and a slash in it stands for a dot, as in sysctl(8), so that
 * `net.ipv4.conf.eth0/100.rp_filter` is the one of the VLAN eth0.100. A `HostError` for a name outside `net.`.
 */
export function sysctlPath(name: string): string {
  const parts = name.split('.').map((part) => part.replaceAll('/', '.'));
  const sound = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\s\0]/.test(part));
  if (parts[0] !== 'net' || parts.length < 2 || !sound) {
    throw new HostError(
      name,
      'not the name of a network parameter; expected something like net.ipv4.ip_forward',
    );
  }
  return `/proc/sys/${parts.join('/')}`;
}

/** A value as people compare it: the kernel puts tabs between numbers and a line feed at the end. */
export function normaliseValue(value: string): string {
  return value.trim().replace(/\s+/g, ' ');
}

/** The present value, normalised; undefined if the kernel has no such parameter. A `HostError` if it cannot be read. */
export function readSysctl(name: string): string | undefined {
  try {
    return normaliseValue(readFileSync(sysctlPath(name), 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error instanceof HostError
      ? error
      : new HostError(name, `cannot be read: ${reason(name, error)}`, error);
  }
}

/** Writes a value in one write(2), as the kernel wants it. A `HostError` says why not, and what to do. */
export function writeSysctl(name: string, value: string): void {
  const path = sysctlPath(name);
  try {
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeSync(fd, `${value}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new HostError(name, `cannot be set to "${value}": ${reason(name, error)}`, error);
  }
}

/** Why a parameter is not there, and what to do. */
export function missingHint(name: string): string {
  const absent = 'this kernel has no such parameter';
  const owner = /^net\.ipv[46]\.(?:conf|neigh)\.([^.]+)\./.exec(name)?.[1];
  if (/^net\.(netfilter\.|nf_conntrack)/.test(name)) {
    return `${absent}; is nf_conntrack loaded? modprobe nf_conntrack`;
  }
  if (name.startsWith('net.ipv4.vs.')) return `${absent}; is ip_vs loaded? modprobe ip_vs`;
  if (name.startsWith('net.bridge.')) return `${absent}; is br_netfilter loaded? modprobe br_netfilter`;
  if (owner !== undefined) return `${absent}; ${missingInterfaceHint(name, owner.replaceAll('/', '.'))}`;
  if (name.startsWith('net.ipv6.')) return `${absent}; was IPv6 switched off at boot (ipv6.disable=1)?`;
  return `${absent}; sysctl -a lists those it has`;
}

function missingInterfaceHint(name: string, owner: string): string {
  const present = configuredInterfaces(name).filter((one) => one !== 'all' && one !== 'default');
  if (present.includes(owner)) return 'sysctl -a lists those it has';
  return `there is no interface ${owner} here, only ${present.join(', ')}`;
}

function reason(name: string, error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return missingHint(name);
    case 'EACCES':
    case 'EPERM':
      return 'not permitted; run as root, and mind that some parameters are read-only or belong to the initial network namespace';
    case 'EROFS':
      return '/proc/sys is mounted read-only; in a systemd unit set ProtectKernelTunables=no';
    case 'EINVAL':
    case 'ERANGE':
      return 'the kernel refuses this value; see the kernel’s ip-sysctl.txt for what it takes';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Other parameters that writing `name` may change, and the value that each would get from writing `value`; `interfaces` are the
 * names in /proc/sys/net/ipvN/conf. The forwarding switches set every interface's, and ip_forward's turns
 * accept_redirects about (inet_forward_change in net/ipv4/devinet.c); `all` and `default` reach into the interfaces
 * for several parameters (devinet_copy_dflt_conf there, addrconf_sysctl_disable in net/ipv6/addrconf.c).
 */
export function sideEffects(
  name: string,
  value: string,
  interfaces: readonly string[],
): ReadonlyMap<string, string> {
  const effects = new Map<string, string>();
  const conf = /^net\.(ipv[46])\.conf\.(?:all|default)\.([^.]+)$/.exec(name);
  const [family, key] = name === 'net.ipv4.ip_forward' ? ['ipv4', 'forwarding'] : [conf?.[1], conf?.[2]];
  if (family === undefined || key === undefined) return effects;
  for (const one of interfaces) effects.set(`net.${family}.conf.${one.replaceAll('.', '/')}.${key}`, value);
  if (family === 'ipv4' && key === 'forwarding') {
    effects.set('net.ipv4.ip_forward', value);
    effects.set('net.ipv4.conf.all.accept_redirects', value === '0' ? '1' : '0');
  }
  effects.delete(name);
  return effects;
}

/** The names under /proc/sys/net/ipvN/conf that `name` belongs to: the interfaces, `all` and `default`. */
export function configuredInterfaces(name: string): readonly string[] {
  const family = name.startsWith('net.ipv6.') ? 'ipv6' : 'ipv4';
  try {
    return readdirSync(`/proc/sys/net/${family}/conf`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new HostError(name, `cannot list /proc/sys/net/${family}/conf`, error);
  }
}
