/**
 * Programs on interfaces the older way, through libbpf: direct-action filters under a clsact qdisc (tc(8), tc-bpf(8)).
 * They outlive whoever made them. Functions throw a `KernelError` naming the call where the kernel refuses.
 */
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

/** Where a filter stands under a clsact qdisc. */
export interface FilterPlace {
  readonly ifindex: number;
  readonly hook: 'ingress' | 'egress';
  /** Those of lower ones run first, 1 – 65,535. */
  readonly priority: number;
  /** From 1; its name within the priority. */
  readonly handle: number;
}

export interface TrafficControl {
  /** Makes an interface's clsact qdisc; false if it has one. */
  makeClsact(ifindex: number): boolean;
  /** Removes it, with every filter under it; false if there was none. */
  removeClsact(ifindex: number): boolean;
  /** Puts a program there, or in the place of the one that is there. */
  setFilter(place: FilterPlace, program: number): void;
  /** The id of the program that is there; undefined when there is none. */
  filterProgram(place: FilterPlace): number | undefined;
  /** False if none was there. */
  removeFilter(place: FilterPlace): boolean;
}

const [ENOENT, EEXIST, ENODEV, EINVAL] = [2, 17, 19, 22];
/** struct bpf_tc_hook and struct bpf_tc_opts (bpf/libbpf.h): sizes and offsets on a 64-bit machine. */
const HOOK = { size: 24, ifindex: 8, attachPoint: 12 };
const FILTER = { size: 32, program: 8, flags: 12, programId: 16, handle: 20, priority: 24 };
/** enum bpf_tc_attach_point; BPF_TC_F_REPLACE. */
const ATTACH_POINT = { ingress: 1, egress: 2 };
const REPLACE = 1;

/** libbpf's part of it, opened when first asked for. */
export const trafficControl: () => TrafficControl = once(load);

function hookOf(ifindex: number, point: number): Uint8Array {
  const hook = new DataView(new ArrayBuffer(HOOK.size));
  hook.setBigUint64(0, BigInt(HOOK.size), true);
  hook.setInt32(HOOK.ifindex, ifindex, true);
  hook.setUint32(HOOK.attachPoint, point, true);
  return new Uint8Array(hook.buffer);
}

const hookAt = ({ ifindex, hook }: FilterPlace): Uint8Array => hookOf(ifindex, ATTACH_POINT[hook]);

function filterAt({ handle, priority }: FilterPlace): DataView {
  const filter = new DataView(new ArrayBuffer(FILTER.size));
  filter.setBigUint64(0, BigInt(FILTER.size), true);
  filter.setUint32(FILTER.handle, handle, true);
  filter.setUint32(FILTER.priority, priority, true);
  return filter;
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer);

function checked(call: string, result: number): void {
  if (result < 0) throw new KernelError(call, result);
}

/** Without a qdisc the kernel says EINVAL, without an interface ENODEV: there is no filter in either case. */
function isThere(call: string, result: number): boolean {
  if ([-ENOENT, -EINVAL, -ENODEV].includes(result)) return false;
  checked(call, result);
  return true;
}

function load(): TrafficControl {
  const library = koffi.load('libbpf.so.1');
  const create = library.func('int bpf_tc_hook_create(void *hook)');
  const destroy = library.func('int bpf_tc_hook_destroy(void *hook)');
  const attach = library.func('int bpf_tc_attach(const void *hook, void *filter)');
  const query = library.func('int bpf_tc_query(const void *hook, void *filter)');
  const detach = library.func('int bpf_tc_detach(const void *hook, const void *filter)');
  return {
    makeClsact: (ifindex) => {
      const result = create(hookOf(ifindex, ATTACH_POINT.ingress)) as number;
      if (result === -EEXIST) return false;
      checked('bpf_tc_hook_create', result);
      return true;
    },
    removeClsact: (ifindex) =>
      isThere(
        'bpf_tc_hook_destroy',
        destroy(hookOf(ifindex, ATTACH_POINT.ingress | ATTACH_POINT.egress)) as number,
      ),
    setFilter: (place, program) => {
      const filter = filterAt(place);
      filter.setInt32(FILTER.program, program, true);
      filter.setUint32(FILTER.flags, REPLACE, true);
      checked('bpf_tc_attach', attach(hookAt(place), bytesOf(filter)));
    },
    filterProgram: (place) => {
      const filter = filterAt(place);
      const result = query(hookAt(place), bytesOf(filter)) as number;
      return isThere('bpf_tc_query', result) ? filter.getUint32(FILTER.programId, true) : undefined;
    },
    removeFilter: (place) =>
      isThere('bpf_tc_detach', detach(hookAt(place), bytesOf(filterAt(place))) as number),
  };
}
