/** What only one data plane can do, refused for the other: told by what the file says, with the name of the plane that can. */
import { DATAPLANES, type PlaneKind } from '../core/model/host.ts';
import { TCP_OPTIONS } from '../core/model/service.ts';
import { checkBpfFile, checkBpfService } from './bpf-checks.ts';
import { durationField, wordField } from './fields.ts';
import type { Finding, Path } from './problems.ts';
import { checkTunnels } from './tunnel-checks.ts';

/** A group of the file as it was written, and where it stands. */
export interface Group {
  readonly value: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

const dataplaneField = wordField('a data plane', DATAPLANES).default('auto');

/** ip_vs's time-outs that can be set, by the names of their states. */
const IPVS_TIMEOUTS: readonly string[] = ['established', 'fin_wait', 'udp'];

/**
 * What the plane that the file asks for cannot do; `running` is what `auto` stands for where that is known. `root` is the whole
 * file as it was written. Values that are wrong by themselves are not looked at. `alone` finds what is wrong of one service.
 */
export function checkPlane(
  root: unknown,
  running: PlaneKind | undefined,
  instead?: PlaneKind,
  alone = checkPlaneOfService,
): readonly Finding[] {
  const file = groupOf(root, []);
  const asked = dataplaneField.safeParse(file?.value['dataplane']).data;
  const plane = instead ?? (asked === 'auto' ? running : asked);
  if (file === undefined) return [];
  const services = listOf(file, 'services');
  const own = services.flatMap((service) => alone(service, plane));
  if (plane === 'bpf') return [...checkBpfFile(file), ...own];
  if (plane !== 'ipvs') return own;
  return [...own, ...checkTimeouts(file), ...checkSwitches(services)];
}

/** What the plane cannot do of a service, whatever else is in the file. */
export function checkPlaneOfService(service: Group, plane: PlaneKind | undefined): readonly Finding[] {
  return [
    ...(plane === 'bpf' ? checkBpfService(service, groupIn(service, 'persistence')) : []),
    ...checkMethods(service, plane),
    ...checkTunnels(service.value, service.path, listOf(service, 'servers')),
    ...(plane === 'ipvs' ? [...checkKinds(service), ...checkSeconds(service)] : []),
  ];
}

/** Other methods than NAT, which leave the packet's port as it is. */
function checkMethods(service: Group, plane: PlaneKind | undefined): readonly Finding[] {
  const own = service.value['method'];
  const findings = plane === 'bpf' && isUnchanged(own) ? [natOnly([...service.path, 'method'], own)] : [];
  const servers = listOf(service, 'servers').flatMap(({ value, path }): readonly Finding[] => {
    const { method = own, port } = value;
    if (!isUnchanged(method)) return [];
    if (plane === 'bpf') return value['method'] === undefined ? [] : [natOnly([...path, 'method'], method)];
    if (port === undefined || port === (service.value['port'] ?? 0)) return [];
    const message = `a packet that goes on by ${method} keeps its port`;
    return [{ path: [...path, 'port'], message, expected: "no port, or the service's" }];
  });
  return [...findings, ...servers];
}

const isUnchanged = (method: unknown): method is string => method === 'direct' || method === 'tunnel';

const natOnly = (path: Path, method: string): Finding => ({
  path,
  message: `the bpf plane forwards by NAT alone; dataplane: ipvs can do ${method}`,
  expected: 'nat',
});

const CAN = 'dataplane: bpf can do that';
const beyond = (path: Path, message: string, expected = 'no such key'): Finding => ({
  path,
  message: `${message}; ${CAN}`,
  expected,
});

/** What ip_vs has no word for. */
function checkKinds({ value, path }: Group): readonly Finding[] {
  const findings: Finding[] = [];
  if (value['ports'] !== undefined)
    findings.push(beyond([...path, 'ports'], 'ip_vs has no service of several ports', 'a single port'));
  const { address } = value;
  const [, length] = typeof address === 'string' ? address.split('/') : [];
  if (length !== undefined && length !== (String(address).includes(':') ? '128' : '32'))
    findings.push(
      beyond([...path, 'address'], 'ip_vs has no service of a prefix of addresses', 'an address'),
    );
  if (value['no_server'] === 'drop')
    findings.push(
      beyond([...path, 'no_server'], 'ip_vs answers a connection that no server is there for', 'reject'),
    );
  if (value['timeouts'] !== undefined)
    findings.push(beyond([...path, 'timeouts'], 'ip_vs has the same time-outs for all services'));
  return findings;
}

/** Time-outs for all services: three can be set, in seconds. */
function checkTimeouts(file: Group): readonly Finding[] {
  const timeouts = groupIn(file, 'timeouts');
  if (timeouts === undefined) return [];
  return Object.entries(timeouts.value).flatMap(([name, value]) => {
    const path = [...timeouts.path, name];
    if (!IPVS_TIMEOUTS.includes(name))
      return [
        beyond(path, `ip_vs's time-out of that state cannot be set`, `one of ${IPVS_TIMEOUTS.join(', ')}`),
      ];
    return wholeSeconds(value, path);
  });
}

function checkSeconds(service: Group): readonly Finding[] {
  const persistence = groupIn(service, 'persistence');
  return persistence === undefined
    ? []
    : wholeSeconds(persistence.value['timeout'], [...persistence.path, 'timeout']);
}

function wholeSeconds(value: unknown, path: Path): readonly Finding[] {
  const duration = durationField.safeParse(value).data;
  return duration === undefined || duration % 1000 === 0
    ? []
    : [beyond(path, 'ip_vs counts in seconds', 'a whole number of seconds')];
}

/** Switches of a service here, of all services there. */
function checkSwitches(services: readonly Group[]): readonly Finding[] {
  const tcp = services.filter(({ value }) => value['protocol'] === 'tcp');
  const persistent = services.flatMap((service) => groupIn(service, 'persistence') ?? []);
  return [
    ...TCP_OPTIONS.flatMap((name) => checkSwitch(tcp, name, 'TCP services')),
    ...checkSwitch(persistent, 'expire_quiescent_template', 'persistent services'),
  ];
}

function checkSwitch(groups: readonly Group[], name: string, whose: string): readonly Finding[] {
  const on = groups.filter(({ value }) => value[name] === true);
  if (on.length === 0 || on.length === groups.length) return [];
  const message = `ip_vs has one ${name} for all ${whose}, and not all have it`;
  return on.map(({ path }) => beyond([...path, name], message, `the same of all ${whose}`));
}

function groupOf(value: unknown, path: Path): Group | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { value: value as Group['value'], path }
    : undefined;
}

const groupIn = ({ value, path }: Group, key: string): Group | undefined =>
  groupOf(Object.hasOwn(value, key) ? value[key] : undefined, [...path, key]);

function listOf({ value, path }: Group, key: string): readonly Group[] {
  const items = value[key];
  return Array.isArray(items) ? items.flatMap((item, i) => groupOf(item, [...path, key, i]) ?? []) : [];
}
