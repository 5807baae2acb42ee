/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the program answers itself, where a router or an end would: ICMP errors and resets.
 *
 * A packet is answered as its sender sent it, so before anything is rewritten: whoever finds that it cannot be
 * forwarded calls `refuse`, whose result goes all the way up to the program, and that answers. Nothing of the packet's
 * path is on the stack then. The answer comes from the VIP, whichever side it goes to: no client ever sees a real
 * server's address.
 *
 * How many are given is limited, since packets that deserve one cost whoever sends them nothing.
 */
#ifndef WEIR_ANSWER_H
#define WEIR_ANSWER_H

#include "nat.h"
#include "route.h"

/* What `refuse` returns: above all that a program may answer; the verdict in bits 16-23, the MTU in bits 0-15. */
#define ANSWER 0x1000000

/* RFC 792; RFC 4443, 2.1: error messages are those below 128. */
#define ICMP4_UNREACHABLE 3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAMETER_PROBLEM 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAMETER_PROBLEM 4

/* Codes of "unreachable" (RFC 792; RFC 4443, 3.1). */
#define ICMP4_HOST 1
#define ICMP4_PORT 3
#define ICMP4_FRAGMENTATION_NEEDED 4
#define ICMP6_NO_ROUTE 0
#define ICMP6_PORT 4

/* An error is at most this long from the IP header on (RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)). */
#define ICMP4_MOST 576
#define ICMP6_MOST 1280

#define DONT_FRAGMENT bpf_htons(0x4000)
#define ANSWER_HOPS 64	   /* what IANA gives for the default TTL */
#define ANSWER_TOS 0xc0	   /* internetwork control (RFC 1812, 4.3.2.5) */
#define SUM_BLOCK 64
#define SECOND 1000000000ULL

/* Both families' header, the same but for the numbers in it. <linux/icmp.h> would bring in the C library's. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u32 rest;
};

/* What an answer begins with, behind the Ethernet header. */
struct error_head4 {
	struct iphdr ip;
	struct icmp_header icmp;
};
struct error_head6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
};
struct segment {
	__u16 source, dest;
	__u32 sequence, acknowledged;
	__u8 offset, flags;
	__u16 window, checksum, urgent;
};
struct reset4 {
	struct iphdr ip;
	struct segment tcp;
};
struct reset6 {
	struct ipv6hdr ip;
	struct segment tcp;
};

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
static __always_inline bool is_within_rate(void)
{
	__u32 key = 0;
	__u64 *paid = bpf_map_lookup_elem(&answers, &key), now = bpf_ktime_get_ns(), interval, next;
	struct weir_settings *set = get_settings();

	if (!paid || !set || !set->answer_rate)
		return false;
	interval = SECOND / set->answer_rate;
	next = (*paid > now ? *paid : now) + interval;
	if (next - now > interval * set->answer_burst)
		return false;
	*paid = next;
	return true;
}

/* The sum of some bytes of a packet as checksums take it, folded; below 0 on failure. */
__noinline int sum_of(struct __sk_buff *skb, __u32 from, __u32 length)
{
	__u32 block[SUM_BLOCK / 4];
	__s64 sum = 0;

	for (__u32 i = 0; i < ICMP6_MOST / SUM_BLOCK && i * SUM_BLOCK < length; i++) {
		__u32 rest = length - i * SUM_BLOCK;

		__builtin_memset(block, 0, sizeof(block));
		if (rest > SUM_BLOCK)
			rest = SUM_BLOCK;
		if (!rest || bpf_skb_load_bytes(skb, from + i * SUM_BLOCK, block, rest))
			return -1;
		sum = bpf_csum_diff(0, 0, block, sizeof(block), sum);
	}
	return fold((__u32)sum);
}

/*
 * Whether a checksum is yet to be finished by a card (CHECKSUM_PARTIAL), which the skb does not tell programs. The
 * kernel's helper leaves such a one alone when something changes that it does not hold; any other one it changes.
 */
static __always_inline bool is_unfinished(struct __sk_buff *skb, __u32 at, __u16 *before)
{
	__u16 after = 0;

	if (bpf_skb_load_bytes(skb, at, before, sizeof(*before)) ||
	    bpf_l4_csum_replace(skb, at, 0, bpf_htons(1), sizeof(after)) ||
	    bpf_skb_load_bytes(skb, at, &after, sizeof(after)) ||
	    bpf_skb_store_bytes(skb, at, before, sizeof(*before), 0))
		return false;
	return after == *before;
}

/*
 * Makes the packet as long as it is quoted, and gives the sum of that; below 0 on failure.
 *
 * The kernel will write an unfinished checksum even into a quote, over the bytes from its header on: then V = -(S + V).
 * What stands in its place is that V beforehand, -S ÷ 2 modulo 65535, so that the error's own checksum is right
 * whether or not that comes to pass.
 */
static __always_inline int cut_to_quote(struct __sk_buff *skb, const struct packet *packet, __u32 length)
{
	__u32 at = packet->transport + (packet->protocol == IPPROTO_TCP ? 16 : 6), header = packet->transport - ETH_HLEN;
	__u16 checksum = 0;
	int network, transport;
	bool unfinished;

	if (header > 60 || length < header || bpf_skb_change_tail(skb, ETH_HLEN + length, 0))
		return -1;
	unfinished = is_unfinished(skb, at, &checksum);
	network = sum_of(skb, ETH_HLEN, header);
	transport = sum_of(skb, packet->transport, length - header);
	if (network < 0 || transport < 0)
		return -1;
	if (unfinished) {
		__u16 others = fold((__u64)transport + (__u16)~checksum);

		checksum = fold((__u64)(__u16)~others * 32768);
		if (bpf_skb_store_bytes(skb, at, &checksum, sizeof(checksum), BPF_F_RECOMPUTE_CSUM))
			return -1;
		transport = others + checksum;
	}
	return fold((__u64)network + transport);
}

static __always_inline void fill_header4(struct iphdr *ip, __u32 from, __u32 to, __u8 protocol, __u16 length)
{
	const __u16 *word = (const __u16 *)ip;
	__u64 sum = 0;

	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(length);
	ip->frag_off = DONT_FRAGMENT;
	ip->ttl = ANSWER_HOPS;
	ip->protocol = protocol;
	ip->saddr = from;
	ip->daddr = to;
	for (int i = 0; i < 10; i++)
		sum += word[i];
	ip->check = ~fold(sum);
}

static __always_inline void fill_header6(struct ipv6hdr *ip, const __u32 *from, const __u32 *to, __u8 protocol,
					 __u16 length)
{
	ip->version = 6;
	ip->payload_len = bpf_htons(length);
	ip->nexthdr = protocol;
	ip->hop_limit = ANSWER_HOPS;
	__builtin_memcpy(&ip->saddr, from, 16);
	__builtin_memcpy(&ip->daddr, to, 16);
}

/* The sum of a pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1). */
static __always_inline __u64 pseudo_sum(const __u32 *from, const __u32 *to, __u8 protocol, __u16 length, int family)
{
	__u64 sum = (__u64)from[0] + to[0] + bpf_htons(length) + bpf_htons(protocol);

	if (family == FAMILY6)
		sum += (__u64)from[1] + from[2] + from[3] + to[1] + to[2] + to[3];
	return sum;
}

static __always_inline bool make_error4(struct __sk_buff *skb, const struct packet *packet, const __u32 *from,
					 enum weir_verdict why, __u16 mtu)
{
	__u32 most = ICMP4_MOST - sizeof(struct error_head4), length = packet->bytes < most ? packet->bytes : most;
	struct error_head4 head = { .icmp.type = ICMP4_UNREACHABLE };
	int sum = cut_to_quote(skb, packet, length);

	if (sum < 0 || bpf_skb_adjust_room(skb, sizeof(head), BPF_ADJ_ROOM_MAC, 0))
		return false;
	if (why == WEIR_VERDICT_TTL_EXCEEDED) {
		head.icmp.type = ICMP4_TIME_EXCEEDED;
	} else if (why == WEIR_VERDICT_TOO_BIG) {
		head.icmp.code = ICMP4_FRAGMENTATION_NEEDED;
		head.icmp.rest = bpf_htonl(mtu); /* RFC 1191, 4 */
	} else {
		head.icmp.code = why == WEIR_VERDICT_NO_ROUTE ? ICMP4_HOST : ICMP4_PORT;
	}
	head.icmp.checksum = ~fold((__u64)sum + bpf_htons(head.icmp.type << 8 | head.icmp.code) + head.icmp.rest);
	head.ip.tos = ANSWER_TOS;
	fill_header4(&head.ip, from[0], packet->saddr[0], IPPROTO_ICMP, sizeof(head) + length);
	return !bpf_skb_store_bytes(skb, ETH_HLEN, &head, sizeof(head), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline bool make_error6(struct __sk_buff *skb, const struct packet *packet, const __u32 *from,
					 enum weir_verdict why, __u16 mtu)
{
	__u32 most = ICMP6_MOST - sizeof(struct error_head6), length = packet->bytes < most ? packet->bytes : most;
	struct error_head6 head = { .icmp.type = ICMP6_UNREACHABLE };
	int quoted = cut_to_quote(skb, packet, length);
	__u64 sum;

	if (quoted < 0 || bpf_skb_adjust_room(skb, sizeof(head), BPF_ADJ_ROOM_MAC, 0))
		return false;
	if (why == WEIR_VERDICT_TTL_EXCEEDED) {
		head.icmp.type = ICMP6_TIME_EXCEEDED;
	} else if (why == WEIR_VERDICT_TOO_BIG) {
		head.icmp.type = ICMP6_TOO_BIG;
		head.icmp.rest = bpf_htonl(mtu);
	} else {
		head.icmp.code = why == WEIR_VERDICT_NO_ROUTE ? ICMP6_NO_ROUTE : ICMP6_PORT;
	}
	length += sizeof(head.icmp);
	sum = pseudo_sum(from, packet->saddr, IPPROTO_ICMPV6, length, FAMILY6);
	sum += (__u64)quoted + bpf_htons(head.icmp.type << 8 | head.icmp.code) + head.icmp.rest;
	head.icmp.checksum = ~fold(sum);
	fill_header6(&head.ip, from, packet->saddr, IPPROTO_ICMPV6, length);
	return !bpf_skb_store_bytes(skb, ETH_HLEN, &head, sizeof(head), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Fills in the reset that a closed port answers a SYN with (RFC 9293, 3.10.7.1). `unfinished`: the checksum holds the
 * pseudo-header, as of the packet that becomes the reset, and the kernel or the card does the rest.
 */
static __always_inline bool fill_reset(struct __sk_buff *skb, const struct packet *packet, const __u32 *from,
				       struct segment *tcp, int family)
{
	__u32 header = packet->transport - ETH_HLEN + packet->transport_bytes, sequence, sum;
	const __u16 *word = (const __u16 *)tcp;
	__u16 unused;
	__u64 pseudo = pseudo_sum(from, packet->saddr, IPPROTO_TCP, sizeof(*tcp), family);
	bool unfinished = is_unfinished(skb, packet->transport + 16, &unused);

	if (packet->bytes < header || bpf_skb_load_bytes(skb, packet->transport + 4, &sequence, sizeof(sequence)))
		return false;
	tcp->source = packet->dport;
	tcp->dest = packet->sport;
	tcp->acknowledged = bpf_htonl(bpf_ntohl(sequence) + 1 + packet->bytes - header);
	tcp->offset = sizeof(*tcp) / 4 << 4;
	tcp->flags = TCP_RST | TCP_ACK;
	if (unfinished) {
		tcp->checksum = fold(pseudo);
		return true;
	}
	sum = fold(pseudo);
	for (int i = 0; i < (int)sizeof(*tcp) / 2; i++)
		sum += word[i];
	tcp->checksum = ~fold(sum);
	return true;
}

/* Turns the packet into a reset: cut behind a TCP header, and without the options of an IPv4 one. */
static __always_inline bool make_reset4(struct __sk_buff *skb, const struct packet *packet, const __u32 *from)
{
	__s32 options = packet->transport - ETH_HLEN - sizeof(struct iphdr);
	struct reset4 reset = {};

	if (!fill_reset(skb, packet, from, &reset.tcp, FAMILY4) ||
	    bpf_skb_change_tail(skb, packet->transport + sizeof(reset.tcp), 0) ||
	    (options > 0 && bpf_skb_adjust_room(skb, -options, BPF_ADJ_ROOM_NET, 0)))
		return false;
	fill_header4(&reset.ip, from[0], packet->saddr[0], IPPROTO_TCP, sizeof(reset));
	return !bpf_skb_store_bytes(skb, ETH_HLEN, &reset, sizeof(reset), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline bool make_reset6(struct __sk_buff *skb, const struct packet *packet, const __u32 *from)
{
	struct reset6 reset = {};

	if (!fill_reset(skb, packet, from, &reset.tcp, FAMILY6) ||
	    bpf_skb_change_tail(skb, packet->transport + sizeof(reset.tcp), 0))
		return false;
	fill_header6(&reset.ip, from, packet->saddr, IPPROTO_TCP, sizeof(reset.tcp));
	return !bpf_skb_store_bytes(skb, ETH_HLEN, &reset, sizeof(reset), BPF_F_RECOMPUTE_CSUM);
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
 * host knows no way, such as a broadcast address (RFC 1122, 3.2.2; RFC 4443, 2.4 (e)): fragments, errors and what was
 * sent to many never come here.
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
	if (!is_within_rate())
		return drop(WEIR_VERDICT_ANSWER_LIMITED);
	if (why == WEIR_VERDICT_NO_SERVER && packet.protocol == IPPROTO_TCP)
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
