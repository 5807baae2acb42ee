/**
 * Runs inside a namespace, on behalf of a test. Usage:
 *   foreign-driver attach OBJECT INTERFACE   attaches OBJECT's program by TCX, last of all, and holds it until TERM;
 *                                            says `up`, then what it counted, as JSON, for every line it reads
 *   foreign-driver query INTERFACE …         says how many TCX programs each interface has at its ingress, as JSON
 *   foreign-driver query-egress INTERFACE …  the same of its egress
 */
import { createInterface } from 'node:readline';
import koffi from 'koffi';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { listLinks } from '../../src/kernel/netlink/link.ts';

/** linux/bpf.h, since 6.6. */
const BPF_TCX_INGRESS = 46;
const BPF_TCX_EGRESS = 47;
/** Elements of the object's map. */
const COUNTERS = 3;

function indexOf(name: string): number {
  const link = listLinks().find((one) => one.name === name);
  if (link === undefined) throw new Error(`there is no interface ${name}`);
  return link.ifindex;
}

function attach(object: string, name: string): void {
  const bpf = libbpf();
  const handle = bpf.openObject(object);
  bpf.loadObject(handle);
  const map = bpf.maps(handle).find((one) => one.name === 'seen')!;
  bpf.createLink(bpf.programFd(handle, 'foreign'), indexOf(name), BPF_TCX_INGRESS);
  createInterface({ input: process.stdin }).on('line', () => {
    const value = new Uint8Array(8);
    const counters = Array.from({ length: COUNTERS }, (_, key) => {
      bpf.lookup(bpf.mapFd(map.handle), new Uint8Array([key, 0, 0, 0]), value);
      return Number(new DataView(value.buffer).getBigUint64(0, true));
    });
    console.log(JSON.stringify(counters));
  });
  console.log('up');
}

function query(type: number, names: readonly string[]): void {
  const ask = koffi
    .load('libbpf.so.1')
    .func(
      'int bpf_prog_query(int target, int type, uint32_t flags, void *attach_flags, void *ids, _Inout_ uint32_t *count)',
    );
  const counts = names.map((name) => {
    const count = [64];
    const result = ask(indexOf(name), type, 0, null, new Uint8Array(4 * 64), count) as number;
    if (result < 0) throw new Error(`bpf_prog_query(${name}): errno ${-result}`);
    return [name, count[0]];
  });
  console.log(JSON.stringify(Object.fromEntries(counts)));
}

const [verb, ...words] = process.argv.slice(2);
if (verb === 'attach') attach(words[0]!, words[1]!);
else query(verb === 'query-egress' ? BPF_TCX_EGRESS : BPF_TCX_INGRESS, words);
