/** Filters under an interface's clsact qdisc: RTM_GETTFILTER (linux/rtnetlink.h, linux/pkt_sched.h). */
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { withNetlink } from './socket.ts';

const RTM_NEWTFILTER = 44;
const RTM_GETTFILTER = 46;
/** sizeof(struct tcmsg): family, 3 bytes of padding, i32 ifindex, u32 handle, u32 parent, u32 info. */
const TCMSG_LENGTH = 20;
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) and _EGRESS. */
const PARENTS = [0xfffffff2, 0xfffffff3];

/** True while any filter is attached to the interface, in either direction; throws a `KernelError` where asking fails. */
export function hasFilters(ifindex: number): boolean {
  return withNetlink((socket) =>
    PARENTS.some((parent) => {
      const payload = new Uint8Array(TCMSG_LENGTH);
      viewOf(payload).setInt32(4, ifindex, LITTLE_ENDIAN);
      viewOf(payload).setUint32(12, parent, LITTLE_ENDIAN);
      return socket
        .dump({ asked: 'list filters', type: RTM_GETTFILTER, payload })
        .some(({ type }) => type === RTM_NEWTFILTER);
    }),
  );
}
