/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A packet → the ICMP error that tells its sender why it goes no further, and quotes it as it was sent. */
#ifndef WEIR_ICMP_ERROR_H
#define WEIR_ICMP_ERROR_H

#include "own_packet.h"

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

#define ERROR_TOS 0xc0 /* internetwork control (RFC 1812, 4.3.2.5) */
#define SUM_BLOCK 128

/* Both families' header, the same but for the numbers in it. <linux/icmp.h> would bring in the C library's. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u32 rest;
};

/* What an error begins with, behind the Ethernet header. */
struct error_head4 {
	struct iphdr ip;
	struct icmp_header icmp;
};
struct error_head6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
};

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
		/* From 1 to SUM_BLOCK: said once more, as verifiers before 6.3 forget it when a register is copied. */
		rest--;
		barrier_var(rest);
		rest = (rest & (SUM_BLOCK - 1)) + 1;
		if (bpf_skb_load_bytes(skb, from + i * SUM_BLOCK, block, rest))
			return -1;
		sum = bpf_csum_diff(0, 0, block, sizeof(block), sum);
	}
	return fold((__u32)sum);
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

	if (header > TRANSPORT_MOST - ETH_HLEN || length < header || bpf_skb_change_tail(skb, ETH_HLEN + length, 0))
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
	head.ip.tos = ERROR_TOS;
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

#endif
