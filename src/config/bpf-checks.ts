/** What Weir's own data plane cannot do and ip_vs can: refused, with the reason and what does it. */
import type { Finding, Path } from './problems.ts';

type Group = { readonly value: Readonly<Record<string, unknown>>; readonly path: Path };

const CAN = 'dataplane: ipvs can do that';

/** Of the whole file. */
export function checkBpfFile({ value }: Group): readonly Finding[] {
  if (value['sync_daemons'] === undefined) return [];
  const message = `the bpf plane has none of ip_vs's sync daemons; ${CAN}`;
  return [{ path: ['sync_daemons'], message, expected: 'no such key', part: 'key' }];
}

/** Of a service. `persistence` is its group, where it has one. */
export function checkBpfService({ value, path }: Group, persistence: Group | undefined): readonly Finding[] {
  const findings: Finding[] = [];
  if (value['fwmark'] !== undefined)
    findings.push({
      path: [...path, 'fwmark'],
      message: `the bpf plane balances packets before netfilter marks them; ${CAN}`,
      expected:
        'several ports or addresses in one service: ports: [80, 443], or an address such as 203.0.113.0/28',
      part: 'key',
    });
  if (value['protocol'] === 'sctp')
    findings.push({
      path: [...path, 'protocol'],
      message: `the bpf plane balances TCP and UDP; ${CAN}`,
      expected: 'one of tcp, udp',
    });
  if (persistence?.value['engine'] !== undefined)
    findings.push({
      path: [...persistence.path, 'engine'],
      message: `the bpf plane tells clients by their addresses; ${CAN}`,
      expected: 'no such key',
    });
  return findings;
}
