/** What the tunnels of a file must be like, and whom they are for; told by what the file says. */
import { METHODS } from '../core/model/service.ts';
import { CHECKSUMS_OF } from '../core/model/tunnel.ts';
import { wordField } from './fields.ts';
import { tunnelField } from './ipvs-fields.ts';
import type { Finding, Path } from './problems.ts';

const methodField = wordField('a forwarding method', METHODS).default('nat');

/** The parts of a service or of a server that concern its tunnel, as written. */
interface Written {
  readonly method?: unknown;
  readonly tunnel?: unknown;
}

/** What is wrong with a tunnel by itself; none where its keys are wrong one by one, which is said elsewhere. */
function checkTunnel(written: unknown, path: Path): readonly Finding[] {
  const { data } = tunnelField.safeParse(written);
  if (data === undefined) return [];
  const { type, port, checksum } = data;
  const findings: Finding[] = [];
  if (type === 'gue' && port === undefined)
    findings.push({
      path: [...path, 'port'],
      message: 'missing',
      expected: 'the UDP port at which the servers take packets out of the tunnel, such as 6080',
      part: 'missing',
    });
  if (type !== 'gue' && port !== undefined)
    findings.push({ path: [...path, 'port'], message: `${type} has no ports`, expected: 'no such key' });
  if (!CHECKSUMS_OF[type].includes(checksum)) {
    const message = `${type} has no checksum of that kind`;
    const expected = `one of ${CHECKSUMS_OF[type].join(', ')}`;
    findings.push({ path: [...path, 'checksum'], message, expected });
  }
  return findings;
}

/** The tunnels of a service and of its servers, each with a server that is reached by it. */
export function checkTunnels(
  service: Written,
  path: Path,
  servers: readonly { readonly value: Written; readonly path: Path }[],
): readonly Finding[] {
  const isTunnelled = (method: unknown): boolean => methodField.safeParse(method).data === 'tunnel';
  const methods = servers.map(({ value }) => value.method ?? service.method);
  const findings: Finding[] = [];
  const idle = (at: Path): Finding => ({
    path: at,
    message: 'nobody is reached by a tunnel here',
    expected: 'the key method: tunnel beside it',
    part: 'key',
  });
  if (service.tunnel !== undefined) {
    findings.push(...checkTunnel(service.tunnel, [...path, 'tunnel']));
    if (!isTunnelled(service.method) && !methods.some(isTunnelled)) findings.push(idle([...path, 'tunnel']));
  }
  servers.forEach(({ value, path: at }, i) => {
    if (value.tunnel === undefined) return;
    findings.push(...checkTunnel(value.tunnel, [...at, 'tunnel']));
    if (!isTunnelled(methods[i])) findings.push(idle([...at, 'tunnel']));
  });
  return findings;
}
