/** What users of ipvsadm and keepalived would write and is otherwise here, or not at all: said plainly, with what to do instead. */
import type { Finding, Path } from './problems.ts';

type Said = Pick<Finding, 'message' | 'expected'>;

const BY_MARK: Said = {
  message: 'the mark of a service is the key fwmark',
  expected:
    'fwmark, with dataplane: ipvs; or several ports or addresses in one service: ports: [80, 443], or an address such as 203.0.113.0/28',
};
const ENGINE: Said = {
  message: 'a persistence engine is a key of the persistence',
  expected: 'persistence: {engine: sip}, with dataplane: ipvs',
};

/** Keys of a service. */
const KEYS: Readonly<Record<string, Said>> = {
  mark: BY_MARK,
  helper: {
    message: 'looking into what FTP says is not in this version, whatever the data plane',
    expected:
      'no such key; passive FTP goes by ports, a list of the control port and the range of data ports; SIP by persistence: {engine: sip}, with dataplane: ipvs',
  },
  pe: ENGINE,
  pe_name: ENGINE,
  persistence_engine: ENGINE,
};

/** What is said of an unknown key; undefined where it is unknown and no more. */
export function keyOfElsewhere(path: Path): Said | undefined {
  const isOfService = path[0] === 'services' && path.length >= 3;
  const key = String(path.at(-1));
  return isOfService && Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
}
