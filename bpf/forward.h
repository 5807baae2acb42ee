/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A packet and its connection: count, rewrite, send on its way. */
#ifndef WEIR_FORWARD_H
#define WEIR_FORWARD_H

#include "nat.h"
#include "route.h"

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

/*
 * Sends the packet on by its connection, or leaves it, rewritten, to the stack. What is needed of the slot is copied first and the word looked at after, so
 * that a slot reused meanwhile cannot lend its new addresses to this packet.
 */
static __always_inline int forward_by(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				      enum direction direction, bool by_stack, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	struct rewrite rewrite = { .source = direction == OUT, .keep_ttl = by_stack };
	__u32 hop[4] = {}, ifindex, service, server;
	struct addresses at;

	if (!connection)
		return TCX_DROP;
	at = addresses_of(connection, family);
	service = connection->service;
	server = connection->server;
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
	count_packet(service, server, packet->bytes, direction);
	if (!rewrite_packet(skb, packet, &rewrite, family))
		return TCX_DROP;
	return by_stack ? TCX_NEXT : redirect(ifindex, hop, family);
}

static __noinline int forward4(struct __sk_buff *skb, const struct packet *packet, struct found *found,
			       enum direction direction, bool by_stack)
{
	return forward_by(skb, packet, found, direction, by_stack, FAMILY4);
}

static __noinline int forward6(struct __sk_buff *skb, const struct packet *packet, struct found *found,
			       enum direction direction, bool by_stack)
{
	return forward_by(skb, packet, found, direction, by_stack, FAMILY6);
}

static __always_inline int forward(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				   enum direction direction, bool by_stack, int family)
{
	return family == FAMILY4 ? forward4(skb, packet, found, direction, by_stack)
				 : forward6(skb, packet, found, direction, by_stack);
}

#endif
