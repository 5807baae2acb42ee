/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A packet and its connection: count, rewrite, send on its way. */
#ifndef WEIR_FORWARD_H
#define WEIR_FORWARD_H

#include "answer.h"

static __always_inline void count_packet(__u32 service, __u32 server, __u32 bytes, enum direction direction)
{
	struct weir_traffic *traffic = bpf_map_lookup_elem(&service_traffic, &service);

	for (int i = 0; i < 2 && traffic; i++) {
		if (direction == IN) {
			traffic->inpkts++;
			traffic->inbytes += bytes;
		} else {
			traffic->outpkts++;
			traffic->outbytes += bytes;
		}
		if (i == 0)
			traffic = bpf_map_lookup_elem(&server_traffic, &server);
	}
}

static __always_inline int redirect(__u32 ifindex, const __u32 *hop, int family)
{
	struct bpf_redir_neigh next = {};

	if (family == FAMILY4) {
		next.nh_family = ADDRESS_FAMILY_INET;
		next.ipv4_nh = hop[0];
	} else {
		next.nh_family = ADDRESS_FAMILY_INET6;
		copy_address(next.ipv6_nh, hop, family);
	}
	return bpf_redirect_neigh(ifindex, &next, sizeof(next), 0);
}

#define LOOPBACK 1 /* ifindex of lo in every network namespace (LOOPBACK_IFINDEX, include/net/flow.h) */

/* The length that the way out must take: of a packet that will be cut into segments, that of each (GSO). */
static __always_inline __u32 wire_bytes(const struct __sk_buff *skb, const struct packet *packet)
{
	if (!skb->gso_size)
		return packet->bytes;
	return packet->transport - ETH_HLEN + packet->transport_bytes + skb->gso_size;
}

static __always_inline bool may_be_cut(struct __sk_buff *skb, int family)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;

	return family == FAMILY4 && (void *)(ip + 1) <= (void *)(long)skb->data_end && !(ip->frag_off & DONT_FRAGMENT);
}

/*
 * Leaves a rewritten IPv4 packet to the stack, which cuts it and takes one off its TTL itself. To the stack the VIP as
 * a source is an impostor on any interface but lo (with accept_local), so a reply goes there, as a frame of lo's own.
 */
static __always_inline int leave_to_be_cut(struct __sk_buff *skb, enum direction direction)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	__u8 nobody[2 * ETH_ALEN] = {};
	__u16 *ttl_word = (__u16 *)&ip->ttl, before;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return TCX_DROP;
	before = *ttl_word;
	ip->ttl++;
	ip->check = ~fold((__u64)(__u16)~ip->check + (__u16)~before + *ttl_word);
	verdict(WEIR_VERDICT_FRAGMENTED);
	if (direction == IN)
		return TCX_NEXT;
	if (bpf_skb_store_bytes(skb, 0, nobody, sizeof(nobody), 0))
		return TCX_DROP;
	return bpf_redirect(LOOPBACK, BPF_F_INGRESS);
}

/*
 * Sends the packet on by its connection, or leaves it, rewritten, to the stack. What is needed of the slot is copied
 * first and the word looked at after, so that a slot reused meanwhile cannot lend its new addresses to this packet.
 */
static __always_inline int forward_by(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				      enum direction direction, bool at_egress, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	struct rewrite rewrite = { .source = direction == OUT };
	__u32 hop[4] = {}, ifindex, service, server;
	struct addresses at;
	bool cut = false, by_stack;
	__u16 mtu;

	if (!connection)
		return TCX_DROP;
	at = addresses_of(connection, family);
	service = connection->service;
	server = connection->server;
	/* What goes out by the private side is not the stack's: `reply` has seen to that. */
	by_stack = at_egress || (direction == IN && connection->by_stack && new_go_by_stack());
	rewrite.hops = !by_stack;
	mtu = mtu_of(connection, direction, family);
	if (direction == IN) {
		copy_address(rewrite.address, at.server, family);
		copy_address(hop, at.server_hop, family);
		ifindex = connection->server_ifindex;
		rewrite.sport = connection->seen_port;
		rewrite.dport = connection->server_port;
	} else {
		copy_address(rewrite.address, at.virtual_ip, family);
		copy_address(hop, at.client_hop, family);
		ifindex = connection->client_ifindex;
		rewrite.sport = connection->virtual_port;
		rewrite.dport = connection->client_port;
	}
	if (!connection_is_same(connection, found))
		return TCX_DROP;
	/* The stack sees to that itself. */
	if (!by_stack && (found->left == LEFT_TO_BE_CUT || (packet->bytes > mtu && wire_bytes(skb, packet) > mtu))) {
		cut = may_be_cut(skb, family);
		if (!cut)
			return refuse(skb, WEIR_VERDICT_TOO_BIG, mtu, direction == IN ? packet->daddr : rewrite.address, family);
	}
	count_packet(service, server, packet->bytes, direction);
	if (!rewrite_packet(skb, packet, &rewrite, family))
		return TCX_DROP;
	found->left = cut ? LEFT_TO_BE_CUT : LEFT_AT_ONCE;
	if (by_stack)
		return TCX_NEXT;
	return cut ? leave_to_be_cut(skb, direction) : redirect(ifindex, hop, family);
}

static __noinline int forward4(struct __sk_buff *skb, const struct packet *packet, struct found *found,
			       enum direction direction, bool at_egress)
{
	return forward_by(skb, packet, found, direction, at_egress, FAMILY4);
}

static __noinline int forward6(struct __sk_buff *skb, const struct packet *packet, struct found *found,
			       enum direction direction, bool at_egress)
{
	return forward_by(skb, packet, found, direction, at_egress, FAMILY6);
}

static __always_inline int forward(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				   enum direction direction, bool at_egress, int family)
{
	return family == FAMILY4 ? forward4(skb, packet, found, direction, at_egress)
				 : forward6(skb, packet, found, direction, at_egress);
}

#endif
