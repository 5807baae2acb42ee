/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet of the program's own is made of: headers and sums. */
#ifndef WEIR_OWN_PACKET_H
#define WEIR_OWN_PACKET_H

#include "nat.h"

#define DONT_FRAGMENT bpf_htons(0x4000)
#define OWN_HOPS 64 /* what IANA gives for the default TTL */

static __always_inline void fill_header4(struct iphdr *ip, __u32 from, __u32 to, __u8 protocol, __u16 length)
{
	const __u16 *word = (const __u16 *)ip;
	__u64 sum = 0;

	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(length);
	ip->frag_off = DONT_FRAGMENT;
	ip->ttl = OWN_HOPS;
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
	ip->hop_limit = OWN_HOPS;
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

#endif
