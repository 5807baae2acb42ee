/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the program answers itself, where a router or an end would: ICMP errors and resets.
 *
 * A packet is answered as its sender sent it, so before anything is rewritten: whoever finds that it cannot be
 * forwarded calls `refuse`, whose result goes all the way up to the program, and that answers. Nothing of the packet's
 * path is on the stack then. The answer comes from the VIP, whichever side it goes to: no client ever sees a real
 * server's address.
 *
 * How many are given is limited, since packets that deserve one cost whoever sends them nothing. Those that say how large
 * a packet may be have a rate of their own: without them a connection stands still, so no flood of others may use it up.
 */
#ifndef WEIR_ANSWER_H
#define WEIR_ANSWER_H

#include "icmp_error.h"
#include "reset.h"
#include "route.h"

/* What `refuse` returns: above all that a program may answer; the verdict in bits 16-23, the MTU in bits 0-15. */
#define ANSWER 0x1000000

#define SECOND 1000000000ULL

/* Counts why the packet is not forwarded, and has it answered; `from` is the VIP it came to or would have come from. */
static __always_inline int refuse(struct __sk_buff *skb, enum weir_verdict why, __u16 mtu, const __u32 *from,
				  int family)
{
	verdict(why);
	skb->cb[0] = from[0];
	if (family == FAMILY6) {
		skb->cb[1] = from[1];
		skb->cb[2] = from[2];
		skb->cb[3] = from[3];
	}
	return ANSWER | why << 16 | mtu;
}

/* Takes a place among the answers of this CPU: `answer_rate` a second, and `answer_burst` of them at once. */
static __always_inline bool is_within_rate(enum weir_verdict why)
{
	__u32 key = 0;
	struct weir_answers *given = bpf_map_lookup_elem(&answers, &key);
	__u64 now = bpf_ktime_get_ns(), interval, next, *paid;
	struct weir_settings *set = get_settings();

	if (!given || !set || !set->answer_rate)
		return false;
	paid = why == WEIR_VERDICT_TOO_BIG ? &given->paid_too_big : &given->paid;
	interval = SECOND / set->answer_rate;
	next = (*paid > now ? *paid : now) + interval;
	if (next - now > interval * set->answer_burst)
		return false;
	*paid = next;
	return true;
}

/* The answer goes back to where the packet came from, one hop away. */
static __always_inline bool turn_round(struct __sk_buff *skb)
{
	__u8 ends[2][ETH_ALEN];

	return !bpf_skb_load_bytes(skb, 0, ends, sizeof(ends)) &&
	       !bpf_skb_store_bytes(skb, 0, ends[1], ETH_ALEN, 0) &&
	       !bpf_skb_store_bytes(skb, ETH_ALEN, ends[0], ETH_ALEN, 0);
}

/*
 * Answers a packet that `refuse` has said `what` of. Never a reset (RFC 9293, 3.5.2), and never somebody to whom the
 * host knows no way, such as a broadcast address (RFC 1122, 3.2.2; RFC 4443, 2.4 (e)): errors and what was sent to many
 * never come here. Of fragments only the first is answered (RFC 1122, 3.2.2), and it alone is parsed.
 */
static __always_inline int answer(struct __sk_buff *skb, __u32 what, int family)
{
	enum weir_verdict why = what >> 16 & 0xff, unused;
	struct packet packet = {};
	struct route back = {};
	__u32 from[4] = { skb->cb[0], skb->cb[1], skb->cb[2], skb->cb[3] }, ifindex = skb->ifindex;
	bool written;

	if (!parse(skb, &packet, family, &unused) || packet.tcp_flags & TCP_RST ||
	    !route_lookup(skb, ifindex, from, packet.saddr, packet.protocol, family, &back))
		return TCX_DROP;
	if (!is_within_rate(why))
		return drop(WEIR_VERDICT_ANSWER_LIMITED);
	/* A reset acknowledges the whole segment: for a fragment of one nobody knows how much that is. */
	if ((why == WEIR_VERDICT_NO_SERVER || why == WEIR_VERDICT_SERVER_GONE) && packet.protocol == IPPROTO_TCP &&
	    packet.fragment == WHOLE)
		written = family == FAMILY4 ? make_reset4(skb, &packet, from) : make_reset6(skb, &packet, from);
	else
		written = family == FAMILY4 ? make_error4(skb, &packet, from, why, what)
					    : make_error6(skb, &packet, from, why, what);
	if (!written || !turn_round(skb))
		return TCX_DROP;
	verdict(WEIR_VERDICT_ANSWERED);
	return bpf_redirect(ifindex, 0);
}

__noinline int answer4(struct __sk_buff *skb, __u32 what)
{
	return answer(skb, what, FAMILY4);
}

__noinline int answer6(struct __sk_buff *skb, __u32 what)
{
	return answer(skb, what, FAMILY6);
}

#endif
