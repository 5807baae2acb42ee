/** Checks of one part of a configuration against another. */
import { type Address, familyOf, formatEndpoint, formatPrefix, widthOf } from '../core/address/address.ts';
import { masqueradeKey } from '../core/model/host.ts';
import { flagsOf, serviceKey } from '../core/model/service.ts';
import { checkChecks } from './check-rules.ts';
import type { Draft, DraftEndpoint, DraftService, Found } from './draft.ts';
import {
  checkNesting,
  checkPorts,
  checkShares,
  nameOf,
  type Prefixes,
  prefixAround,
  prefixesOf,
} from './group-checks.ts';
import { checkName } from './name-checks.ts';
import { nearest } from './nearest.ts';
import { checkOnePackets } from './one-packet-checks.ts';
import { type Finding, type Path, quote } from './problems.ts';

/** Everything in the file that is right by itself and wrong beside the rest. `alone` finds what is wrong inside a service. */
export function crossCheck(draft: Draft, alone = checkService): readonly Finding[] {
  return [
    ...checkInterfaces(draft),
    ...checkVips(draft),
    ...checkServices(draft, alone),
    ...checkMasquerade(draft),
    ...checkSysctls(draft),
    ...checkLimits(draft),
  ];
}

/** Finds what was said before: the same text twice gives the path of the first. */
function seen(): (text: string, path: Path) => Path | undefined {
  const first = new Map<string, Path>();
  return (text, path) => {
    const earlier = first.get(text);
    if (earlier === undefined) first.set(text, path);
    return earlier;
  };
}

function checkInterfaces(draft: Draft): readonly Finding[] {
  const before = seen();
  return draft.interfaces.flatMap(({ value, path, side }) => {
    const earlier = before(value, path);
    if (earlier === undefined) return [];
    const other = draft.interfaces.find((one) => one.value === value)?.side;
    const message =
      other === side
        ? `${value} is listed already`
        : `${value} is ${other} already and cannot be ${side} too`;
    return [{ path, message, earlier }];
  });
}

/** An interface that is named must be one of the director's. */
function checkOwnInterface(draft: Draft, named: Found<string> | undefined): readonly Finding[] {
  const own = [...new Set(draft.interfaces.map((one) => one.value))];
  if (named === undefined || own.length === 0 || own.includes(named.value)) return [];
  return [
    {
      path: named.path,
      message: `${quote(named.value)} is not one of the director's interfaces`,
      expected: own.length === 1 ? own[0] : `one of ${own.join(', ')}`,
      nearest: nearest(named.value, own),
    },
  ];
}

function checkVips(draft: Draft): readonly Finding[] {
  const before = seen();
  return draft.vips.flatMap((vip) => {
    const findings = [...checkOwnInterface(draft, vip.interface)];
    if (vip.address !== undefined) {
      const { path, value } = vip.address;
      const earlier = before(value.address, path);
      if (earlier !== undefined)
        findings.push({ path, message: `${value.address} is a VIP already`, earlier });
    }
    if (vip.label === undefined) return findings;
    const { path, value: label } = vip.label;
    const holder = vip.interface?.value;
    if (vip.address !== undefined && familyOf(vip.address.value.address) === 6)
      findings.push({ path, message: 'an IPv6 address cannot have a label', expected: 'no such key' });
    else if (holder !== undefined && !label.startsWith(holder))
      findings.push({
        path,
        message: `${quote(label)} does not begin with the interface's name`,
        expected: `a label such as ${holder}:0`,
        nearest: label.includes(':') ? `${holder}${label.slice(label.indexOf(':'))}` : undefined,
      });
    return findings;
  });
}

function checkServices(draft: Draft, alone: typeof checkService): readonly Finding[] {
  const before = seen();
  const virtual = new Set<Address>();
  for (const { address, prefixLength } of draft.services)
    if (address !== undefined && prefixLength === undefined) virtual.add(address.value);
  for (const { address } of draft.vips) if (address !== undefined) virtual.add(address.value.address);
  const prefixes = prefixesOf(draft);
  const twice = checkShares();
  const onePackets = checkOnePackets();
  const findings = draft.services.flatMap((service) => {
    const { path } = service;
    const name = nameOf(service);
    const key = name && serviceKey(name);
    const earlier = key && before(key, path);
    const shared =
      earlier === undefined ? twice(service) : [{ path, message: `${key} is a service already`, earlier }];
    return [
      ...alone(service),
      ...shared,
      ...checkTargets(service, virtual, prefixes),
      ...onePackets(service),
    ];
  });
  return [...findings, ...checkNesting(draft)];
}

/** What keys of one service are to each other; no other part of the file has to do with it. */
export function checkService(service: DraftService): readonly Finding[] {
  return [
    ...checkName(service),
    ...checkPorts(service),
    ...checkFlags(service),
    ...checkPersistence(service),
    ...checkChecks(service),
    ...checkServers(service),
    ...checkThresholds(service),
    ...checkTcpOptions(service),
  ];
}

/** A flag belongs to one scheduler; under another it would do nothing. */
function checkFlags({ scheduler, schedulerFlags }: DraftService): readonly Finding[] {
  if (scheduler === undefined) return [];
  const before = seen();
  const own = flagsOf(scheduler);
  return schedulerFlags.flatMap(({ value, path }): readonly Finding[] => {
    const earlier = before(value, path);
    if (earlier !== undefined) return [{ path, message: `${value} is listed already`, earlier }];
    if (own.includes(value)) return [];
    const [family, rest] = value.split('-');
    const message = `${value} is a flag of the scheduler ${family}, but the service has ${scheduler}`;
    return own.length === 0
      ? [{ path, message, expected: `no flags, or scheduler: ${family}` }]
      : [{ path, message, expected: `one of ${own.join(', ')}`, nearest: `${scheduler}-${rest}` }];
  });
}

/** What a service of every port, and one that groups its clients, must be like. */
function checkPersistence(service: DraftService): readonly Finding[] {
  const { path, protocol, address, port, isPersistent, granularity, servers, sorryServer } = service;
  const findings: Finding[] = [];
  if (service.hasEngine && (protocol === 'tcp' || protocol === 'sctp'))
    findings.push({
      path: [...path, 'persistence', 'engine'],
      message: `is for UDP, but the service is ${protocol.toUpperCase()}`,
      expected: 'no such key',
      part: 'key',
    });
  // ipvsadm: "Zero port specified for non-persistent service".
  if (port === 0 && !isPersistent && protocol !== 'fwmark')
    findings.push({
      path: [...path, 'port'],
      message: '0 stands for every port, which only a persistent service can have',
      expected: 'a port from 1, or the key persistence beside it',
    });
  const family = address === undefined ? undefined : familyOf(address.value);
  const width = family === undefined ? 128 : widthOf(family);
  if (granularity !== undefined && granularity.value > width)
    findings.push({
      path: granularity.path,
      message: `${granularity.value} is longer than an IPv${family} address`,
      expected: `a prefix length from 1 to ${width}`,
    });
  for (const server of service.ports !== undefined || protocol === 'fwmark'
    ? []
    : port === 0
      ? servers
      : [...servers, ...(sorryServer ? [sorryServer] : [])])
    if (port !== undefined && server.port !== undefined && (port === 0) !== (server.port === 0))
      findings.push({
        path: [...server.path, 'port'],
        message:
          port === 0
            ? 'a service of every port reaches each at the port that the client asks for'
            : '0 stands for every port, which this service does not have',
        expected: port === 0 ? 'no port' : 'a port from 1',
      });
  return findings;
}

function checkTcpOptions({ protocol, tcpOptions, path }: DraftService): readonly Finding[] {
  if (protocol !== 'udp' && protocol !== 'sctp') return [];
  return tcpOptions.map((name) => ({
    path: [...path, name],
    message: `is for TCP, but the service is ${protocol.toUpperCase()}`,
    expected: 'no such key, or false',
  }));
}

/** As ip_vs has it: a server is not to be in again before it is out. */
function checkThresholds({ servers }: DraftService): readonly Finding[] {
  return servers.flatMap(({ path, upperThreshold: upper, lowerThreshold: lower }) => {
    if (upper === undefined || lower === undefined || lower <= upper) return [];
    const found = {
      path: [...path, 'lower_threshold'],
      message: upper === 0 ? 'there is no upper threshold' : `${lower} is above the upper threshold`,
      expected: upper === 0 ? 'the key upper_threshold beside it' : `a number up to ${upper}`,
    };
    return [found];
  });
}

/** Servers of another family than the service's, and such as it has already. */
function checkServers(service: DraftService): readonly Finding[] {
  const before = seen();
  const { servers, sorryServer } = service;
  return [...servers, ...(sorryServer === undefined ? [] : [sorryServer])].flatMap((server) => {
    if (server.address === undefined) return [];
    const { path, value } = server.address;
    const findings: Finding[] = [];
    const family = service.address === undefined ? undefined : familyOf(service.address.value);
    if (family !== undefined && family !== familyOf(value))
      findings.push({
        path,
        message: `${value} is IPv${familyOf(value)}, but the service is IPv${family}`,
        expected: `an IPv${family} address`,
      });
    return [...findings, ...repeated(server, before, server === sorryServer)];
  });
}

/** Servers that have an address that clients connect to. */
function checkTargets(
  { address: own, servers, sorryServer }: DraftService,
  virtual: ReadonlySet<Address>,
  prefixes: Prefixes,
): readonly Finding[] {
  const findings: Finding[] = [];
  // A loop, and no list made: there may be a hundred thousand, and this is looked at again whenever one service changes.
  const check = ({ address }: DraftEndpoint): void => {
    if (address === undefined) return;
    const { path, value } = address;
    const isVirtual = virtual.has(value);
    const prefix = isVirtual ? undefined : prefixAround(prefixes, value);
    if (!isVirtual && prefix === undefined) return;
    // Said already: that is what is wrong with it.
    if (own !== undefined && familyOf(own.value) !== familyOf(value)) return;
    const message =
      prefix === undefined
        ? `${value} is a virtual IP of this director; a server needs its own address`
        : `${value} lies in ${prefix}, whose addresses are virtual; a server needs its own`;
    findings.push({ path, message });
  };
  for (const server of servers) check(server);
  if (sorryServer !== undefined) check(sorryServer);
  return findings;
}

function repeated(
  server: DraftEndpoint,
  before: ReturnType<typeof seen>,
  isSorry: boolean,
): readonly Finding[] {
  const { address, port, path } = server;
  if (address === undefined || port === undefined) return [];
  const text = formatEndpoint({ address: address.value, port });
  const earlier = before(text, path);
  if (earlier === undefined) return [];
  const message = `${text} is a server of this service already`;
  // With its weight it would be chosen, and without it be gone, at the very moment at which it is to stand in.
  return [{ path, message, earlier, ...(isSorry && { expected: 'a sorry server that is none of them' }) }];
}

function checkMasquerade(draft: Draft): readonly Finding[] {
  const before = seen();
  return draft.masquerade.flatMap((rule) => {
    const findings = [...checkOwnInterface(draft, rule.interface)];
    if (rule.source === undefined || rule.interface === undefined) return findings;
    const key = masqueradeKey({ source: rule.source, interface: rule.interface.value });
    const earlier = before(key, rule.path);
    if (earlier !== undefined)
      findings.push({
        path: rule.path,
        message: `${formatPrefix(rule.source)} is masqueraded already`,
        earlier,
      });
    return findings;
  });
}

function checkSysctls(draft: Draft): readonly Finding[] {
  const before = seen();
  return draft.sysctls.flatMap(({ value, path, normal }): readonly Finding[] => {
    if (normal === undefined)
      return [
        {
          path,
          message: 'not a net parameter',
          expected: 'a name such as net.ipv4.tcp_fin_timeout',
          part: 'key',
          nearest: /^(core|ipv4|ipv6|netfilter)[./][\w./-]+$/.test(value) ? `net.${value}` : undefined,
        },
      ];
    const earlier = before(normal, path);
    return earlier === undefined
      ? []
      : [{ path, message: 'this parameter is there already, spelled otherwise', earlier, part: 'key' }];
  });
}

function checkLimits(draft: Draft): readonly Finding[] {
  const counts = {
    services: draft.services.length,
    servers: draft.services.reduce(
      (sum, { servers, sorryServer }) => sum + servers.length + Number(sorryServer !== undefined),
      0,
    ),
  };
  return (['services', 'servers'] as const).flatMap((name) => {
    const [count, most] = [counts[name], draft.limits[name]];
    const message = `${count} ${name} are configured, and limits.${name} allows ${most}`;
    return count > most ? [{ path: ['limits', name], message }] : [];
  });
}
