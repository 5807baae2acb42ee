/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A segment → the reset that a closed connection, or a closed port, answers it with. */
#ifndef WEIR_RESET_H
#define WEIR_RESET_H

#include "own_packet.h"

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

/*
 * Fills in the reset (RFC 9293, 3.10.7.1): with the sequence number that the segment acknowledges, which is the one that
 * its sender expects and the only one that it takes from a peer it is connected with (RFC 5961, 3.2); in answer to a
 * segment that acknowledges nothing, a SYN, with an acknowledgement of all of it.
 *
 * Where the segment's checksum was yet to be finished, so is the reset's, in the same place: it holds the sum of the
 * pseudo-header alone.
 */
static __always_inline bool fill_reset(struct __sk_buff *skb, const struct packet *packet, const __u32 *from,
				       struct segment *tcp, int family)
{
	__u32 header = packet->transport - ETH_HLEN + packet->transport_bytes, numbers[2], sum;
	const __u16 *word = (const __u16 *)tcp;
	__u16 unused;
	__u64 pseudo = pseudo_sum(from, packet->saddr, IPPROTO_TCP, sizeof(*tcp), family);
	bool unfinished = is_unfinished(skb, packet->transport + 16, &unused);

	/* Without its whole header in the packet nobody can say what the next sequence number is. */
	if (packet->bytes < header || bpf_skb_load_bytes(skb, packet->transport + 4, numbers, sizeof(numbers)))
		return false;
	tcp->source = packet->dport;
	tcp->dest = packet->sport;
	tcp->offset = sizeof(*tcp) / 4 << 4;
	tcp->flags = TCP_RST;
	if (packet->tcp_flags & TCP_ACK) {
		tcp->sequence = numbers[1];
	} else {
		/* SYN and FIN take a number each. */
		__u32 length = packet->bytes - header + !!(packet->tcp_flags & TCP_SYN) + !!(packet->tcp_flags & TCP_FIN);

		tcp->acknowledged = bpf_htonl(bpf_ntohl(numbers[0]) + length);
		tcp->flags |= TCP_ACK;
	}
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

/* Turns the packet into a reset: cut behind a TCP header, and without IP options or extension headers. */
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
	__s32 extensions = packet->transport - ETH_HLEN - sizeof(struct ipv6hdr);
	struct reset6 reset = {};

	if (!fill_reset(skb, packet, from, &reset.tcp, FAMILY6) ||
	    bpf_skb_change_tail(skb, packet->transport + sizeof(reset.tcp), 0) ||
	    (extensions > 0 && bpf_skb_adjust_room(skb, -extensions, BPF_ADJ_ROOM_NET, 0)))
		return false;
	fill_header6(&reset.ip, from, packet->saddr, IPPROTO_TCP, sizeof(reset.tcp));
	return !bpf_skb_store_bytes(skb, ETH_HLEN, &reset, sizeof(reset), BPF_F_RECOMPUTE_CSUM);
}

#endif
