/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet's path. A request comes in on the public side: connection? service? server? rewrite the destination.
 * A reply comes in on the private side: connection? rewrite the source. Whatever is not ours goes on to the next
 * program and to the stack as it came. Where packets are to go by the stack, a request goes on to it rewritten, and a
 * reply as it came: that is rewritten when it leaves on the public side.
 */
#include "adopt.h"
#include "follow.h"
#include "forward.h"
#include "fragment.h"
#include "gone.h"
#include "icmp.h"
#include "open.h"
#include "retire.h"

/*
 * Of ICMP: the program calls another function, so that this one's packet is not on the stack then. What it would have been
 * passed on for is added to it.
 */
#define IS_ICMP -64

static __always_inline bool is_icmp(const struct packet *packet, int family)
{
	return packet->protocol == (family == FAMILY4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Sends on an ICMP error about a connection of ours; NOT_TRANSLATED if it is none. */
static __always_inline int translate(struct __sk_buff *skb, enum direction direction, bool at_egress, int family)
{
	if (family == FAMILY4)
		return translate_error4(skb, direction, at_egress);
	return quotes_fragment6(skb) ? translate_fragment_error6(skb, direction, at_egress)
				     : translate_error6(skb, direction, at_egress);
}

/* A server's packet of a connection whose time-out has passed: the connection goes, and the packet with it. */
static __always_inline int drop_expired(const struct found *found, int family)
{
	if (connection_end(found->slot, found->word, family))
		verdict(WEIR_VERDICT_EXPIRED);
	return TCX_DROP;
}

/* Ended, and its addresses and ports are wanted for a new connection, which may go to another server. */
static __always_inline bool is_reused(const struct packet *packet, __u64 word)
{
	__u32 state = word_state(word);

	return is_opening(packet) && packet->ttl > 1 &&
	       (state == WEIR_STATE_TIME_WAIT || state == WEIR_STATE_CLOSE);
}

/* Out of hops; the sender hears it from the VIP. */
static __always_inline int expire(struct __sk_buff *skb, const struct packet *packet, const struct found *found,
				  enum direction direction, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	__u32 from[4] = {};

	if (!connection)
		return TCX_DROP;
	copy_address(from, direction == IN ? packet->daddr : addresses_of(connection, family).virtual_ip, family);
	if (!connection_is_same(connection, found))
		return TCX_DROP;
	return refuse(skb, WEIR_VERDICT_TTL_EXCEEDED, 0, from, family);
}

static __always_inline int carry(struct __sk_buff *skb, struct packet *packet, struct found *found,
				 enum direction direction, int family)
{
	if (packet->ttl <= 1)
		return expire(skb, packet, found, direction, family);
	if (!follow(skb, packet, found, direction, family))
		return TCX_DROP;
	return forward(skb, packet, found, direction, false, family);
}

static __always_inline int request(struct __sk_buff *skb, struct packet *packet, struct found *found, int family)
{
	int action;

	if (connection_find(packet, IN, family, found)) {
		enum weir_verdict over = WEIR_VERDICT_REUSED;

		if (!is_reused(packet, found->word)) {
			if (connection_expired(found, family))
				over = WEIR_VERDICT_EXPIRED;
			else if (!is_left_alone(packet, found, family))
				return carry(skb, packet, found, IN, family);
			else if (is_to_be_reset(packet))
				return hang_up(skb, packet, found, family);
			else
				over = WEIR_VERDICT_SERVER_GONE;
		}
		if (connection_end(found->slot, found->word, family))
			verdict(over);
	}
	action = family == FAMILY4 ? open4(skb, packet, found) : open6(skb, packet, found);
	if (action)
		return action;
	return forward(skb, packet, found, IN, false, family);
}

static __always_inline int reply(struct __sk_buff *skb, struct packet *packet, struct found *found, int family)
{
	if (!connection_of_answer(skb, packet, found, OUT, family))
		return pass(WEIR_VERDICT_NOT_OURS);
	if (goes_by_stack(found, family))
		return TCX_NEXT;
	if (connection_expired(found, family))
		return drop_expired(found, family);
	return carry(skb, packet, found, OUT, family);
}

/* A fragment: goes where the first of its datagram went, or is the first and has its way kept for the others. */
static __always_inline int fragment(struct __sk_buff *skb, enum direction direction, int family)
{
	struct packet packet = {};
	struct found found = {};
	enum weir_verdict why;
	bool parsed = parse(skb, &packet, family, &why);
	int action = family == FAMILY4 ? fragment_arrives4(skb, &packet, &found, direction)
				       : fragment_arrives6(skb, &packet, &found, direction);

	if (action)
		return action;
	if (packet.fragment == LATER_FRAGMENT)
		return carry(skb, &packet, &found, direction, family);
	if (!parsed)
		action = pass(why);
	else if (direction == IN)
		action = request(skb, &packet, &found, family);
	else
		action = reply(skb, &packet, &found, family);
	if (family == FAMILY4)
		fragment_leaves4(&packet, &found, action, direction);
	else
		fragment_leaves6(&packet, &found, action, direction);
	return action;
}

__noinline int request_fragment4(struct __sk_buff *skb)
{
	return fragment(skb, IN, FAMILY4);
}

__noinline int request_fragment6(struct __sk_buff *skb)
{
	return fragment(skb, IN, FAMILY6);
}

__noinline int reply_fragment4(struct __sk_buff *skb)
{
	return fragment(skb, OUT, FAMILY4);
}

__noinline int reply_fragment6(struct __sk_buff *skb)
{
	return fragment(skb, OUT, FAMILY6);
}

/* Of a fragment: the program calls another function, so that this one's packet is not on the stack then. */
#define IS_FRAGMENT -3

/* A packet comes in on the given side. A whole one pays a comparison or two for there being others. */
static __always_inline int receive(struct __sk_buff *skb, enum direction direction, int family)
{
	struct packet packet = {};
	struct found found = {};
	enum weir_verdict why;
	bool parsed = parse(skb, &packet, family, &why);

	if (packet.fragment)
		return IS_FRAGMENT;
	if (!parsed)
		return is_icmp(&packet, family) ? IS_ICMP + (int)why : pass(why);
	return direction == IN ? request(skb, &packet, &found, family) : reply(skb, &packet, &found, family);
}

/* What leaves on the public side: a reply that came by the stack, or anything else, which is not even counted. */
static __always_inline int leave(struct __sk_buff *skb, int family)
{
	struct packet packet = {};
	struct found found = {};
	struct weir_connection *connection;
	enum weir_verdict why;
	bool parsed = parse(skb, &packet, family, &why);

	/* What the stack has cut leaves as it is: docs/decisions/0011. */
	if (packet.fragment)
		return TCX_NEXT;
	if (!parsed)
		return is_icmp(&packet, family) ? IS_ICMP : TCX_NEXT;
	if (!connection_of_answer(skb, &packet, &found, LEAVING, family))
		return TCX_NEXT;
	connection = connection_at(found.slot, family);
	if (!connection || !connection->by_stack)
		return TCX_NEXT;
	if (connection_expired(&found, family))
		return drop_expired(&found, family);
	if (!follow(skb, &packet, &found, OUT, family))
		return TCX_DROP;
	return forward(skb, &packet, &found, OUT, true, family);
}

static __noinline int request4(struct __sk_buff *skb)
{
	return receive(skb, IN, FAMILY4);
}

static __noinline int request6(struct __sk_buff *skb)
{
	return receive(skb, IN, FAMILY6);
}

static __noinline int reply4(struct __sk_buff *skb)
{
	return receive(skb, OUT, FAMILY4);
}

static __noinline int reply6(struct __sk_buff *skb)
{
	return receive(skb, OUT, FAMILY6);
}

static __noinline int leave4(struct __sk_buff *skb)
{
	return leave(skb, FAMILY4);
}

static __noinline int leave6(struct __sk_buff *skb)
{
	return leave(skb, FAMILY6);
}

/* What becomes of a packet in the end: done with, or to be answered. */
static __always_inline int finish4(struct __sk_buff *skb, int action, enum direction direction)
{
	if (action == IS_FRAGMENT)
		action = direction == IN ? request_fragment4(skb) : reply_fragment4(skb);
	else if (action < IS_FRAGMENT) {
		enum weir_verdict why = action - IS_ICMP;

		action = translate(skb, direction, false, FAMILY4);
		if (action == NOT_TRANSLATED)
			return pass(why);
	}
	return action < ANSWER ? action : answer4(skb, action);
}

static __always_inline int finish6(struct __sk_buff *skb, int action, enum direction direction)
{
	if (action == IS_FRAGMENT)
		action = direction == IN ? request_fragment6(skb) : reply_fragment6(skb);
	else if (action < IS_FRAGMENT) {
		enum weir_verdict why = action - IS_ICMP;

		action = translate(skb, direction, false, FAMILY6);
		if (action == NOT_TRANSLATED)
			return pass(why);
	}
	return action < ANSWER ? action : answer6(skb, action);
}

/* The same for what leaves. */
static __always_inline int finish_leaving(struct __sk_buff *skb, int action, int family)
{
	if (action != IS_ICMP)
		return action;
	action = translate(skb, OUT, true, family);
	return action == NOT_TRANSLATED ? TCX_NEXT : action;
}

/* A VLAN's frames are not ours: the kernel has taken the tag out of the bytes, and it would be lost. */
static __always_inline bool is_for_us(const struct __sk_buff *skb)
{
	return !skb->vlan_present && skb->pkt_type == PACKET_HOST;
}

SEC("tc")
int weir_public(struct __sk_buff *skb)
{
	if (!is_for_us(skb))
		return TCX_NEXT;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return finish4(skb, request4(skb), IN);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return finish6(skb, request6(skb), IN);
	return TCX_NEXT;
}

SEC("tc")
int weir_private(struct __sk_buff *skb)
{
	if (!is_for_us(skb))
		return TCX_NEXT;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return finish4(skb, reply4(skb), OUT);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return finish6(skb, reply6(skb), OUT);
	return TCX_NEXT;
}

/* At the public interfaces' egress, where packets go by the stack. */
SEC("tc")
int weir_egress(struct __sk_buff *skb)
{
	if (skb->vlan_present)
		return TCX_NEXT;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return finish_leaving(skb, leave4(skb), FAMILY4);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return finish_leaving(skb, leave6(skb), FAMILY6);
	return TCX_NEXT;
}

/* Expires and counts connections in one slice of a table. */
SEC("syscall")
int weir_sweep(struct weir_sweep *task)
{
	struct sweep sweep = { .from = task->from, .now = now_jiffies() };

	if (task->family == FAMILY4)
		bpf_loop(task->count, sweep_step4, &sweep, 0);
	else
		bpf_loop(task->count, sweep_step6, &sweep, 0);
	task->now = sweep.now;
	task->live = sweep.live;
	task->expired = sweep.expired;
	return 0;
}

/* Leads this plane to its end: for daemons of other layouts. */
SEC("syscall")
int weir_retire(struct weir_retire *task)
{
	struct weir_settings *set = get_settings();

	if (!set)
		return 0;
	retire_orders(task, set);
	task->no_new_since = set->no_new_since;
	retire_walk(task);
	return 0;
}

/* Takes over what another plane has told of. */
SEC("syscall")
int weir_adopt(struct weir_adopt *task)
{
	task->result = task->family == 4 ? adopt(task, FAMILY4) : adopt(task, FAMILY6);
	return 0;
}

/* Fills the stack of free slots of a fresh table. */
SEC("syscall")
int weir_prepare(struct weir_prepare *task)
{
	struct filling filling = { .top = task->from + task->count - 1 };

	if (task->family == FAMILY4)
		bpf_loop(task->count, fill_step4, &filling, 0);
	else
		bpf_loop(task->count, fill_step6, &filling, 0);
	task->failed = filling.failed;
	return 0;
}

char weir_license[] SEC("license") = "Dual BSD/GPL";
