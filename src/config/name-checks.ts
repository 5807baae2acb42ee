/** Whether a service says what it goes by, in one way: protocol, address and port, or a mark. */
import type { DraftService } from './draft.ts';
import type { Finding } from './problems.ts';

/** The keys that a mark stands in place of. */
const NAMING = ['protocol', 'address', 'port', 'ports'] as const;

/** Finds what is missing, and what is too much. */
export function checkName({ path, keys }: DraftService): readonly Finding[] {
  if (keys.includes('fwmark'))
    return NAMING.filter((name) => keys.includes(name)).map((name) => ({
      path: [...path, name],
      message: `a service with fwmark is of all packets that are marked so, whatever their ${name}`,
      expected: 'no such key, or no fwmark',
      part: 'key',
    }));
  const findings: Finding[] = [];
  if (!keys.includes('protocol'))
    findings.push({
      path: [...path, 'protocol'],
      message: 'missing',
      expected: 'one of tcp, udp, sctp',
      part: 'missing',
    });
  if (!keys.includes('address'))
    findings.push({
      path: [...path, 'address'],
      message: 'missing',
      expected: 'an address such as 203.0.113.100 or 2001:db8::100, or a prefix such as 203.0.113.0/28',
      part: 'missing',
    });
  if (keys.includes('family'))
    findings.push({
      path: [...path, 'family'],
      message: 'the address says it',
      expected: 'no such key, or fwmark in place of protocol, address and port',
      part: 'key',
    });
  return findings;
}
