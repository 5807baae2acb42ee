/** What users of ipvsadm and keepalived would write and this version cannot do: said plainly, with what to do instead. */
import type { Finding, Path } from './problems.ts';

type Said = Pick<Finding, 'message' | 'expected'>;

const NOT_HERE = 'is not in this version, whatever the data plane';

const BY_MARK: Said = {
  message: `packets are balanced before netfilter marks them: a service by mark ${NOT_HERE}`,
  expected:
    'several ports or addresses in one service instead: ports: [80, 443], or an address such as 203.0.113.0/28',
};
const HELPER: Said = {
  message: `looking into what FTP or SIP say ${NOT_HERE}`,
  expected: 'no such key; passive FTP goes by ports, a list of the control port and the range of data ports',
};

/** Keys of a service. */
const KEYS: Readonly<Record<string, Said>> = {
  mark: BY_MARK,
  fwmark: BY_MARK,
  helper: HELPER,
  pe: HELPER,
  pe_name: HELPER,
  persistence_engine: HELPER,
};

/** What is said of an unknown key; undefined where it is unknown and no more. */
export function keyOfElsewhere(path: Path): Said | undefined {
  const isOfService = path[0] === 'services' && path.length >= 3;
  const key = String(path.at(-1));
  return isOfService && Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
}

/** All findings but that address or port are missing where a service goes by a mark: that is said already. */
export function withoutMarked(findings: readonly Finding[]): readonly Finding[] {
  const marked = new Set(
    findings.filter(({ message }) => message === BY_MARK.message).map(({ path }) => path.slice(0, 2).join()),
  );
  if (marked.size === 0) return findings;
  return findings.filter(
    ({ path, part }) => part !== 'missing' || path.length !== 3 || !marked.has(path.slice(0, 2).join()),
  );
}

/** What is said of a value that is none of those expected; undefined where it is wrong and no more. */
export function valueOfElsewhere(path: Path, value: unknown): Said | undefined {
  if (path[0] !== 'services' || path.at(-1) !== 'protocol' || typeof value !== 'string') return undefined;
  return value.toLowerCase() === 'sctp'
    ? { message: `SCTP ${NOT_HERE}`, expected: 'one of tcp, udp' }
    : undefined;
}
