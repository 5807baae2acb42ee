/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Destination → next hop and interface, asked once a connection and kept in it; the kernel goes on resolving MACs. */
#ifndef WEIR_ROUTE_H
#define WEIR_ROUTE_H

#include "connection.h"

#define ADDRESS_FAMILY_INET 2
#define ADDRESS_FAMILY_INET6 10

#define LEAST_MTU 68 /* RFC 791, 3.2 */
#define NO_MTU 0xffff

struct route {
	__u32 ifindex;
	__u32 hop[4];
	__u16 mtu;
};

/* Follows the host's rules and tables for a packet that came in by `ifindex`; false when it leads nowhere. */
static __always_inline bool route_lookup(void *context, __u32 ifindex, const __u32 *source, const __u32 *target,
					 __u8 protocol, int family, struct route *route)
{
	/* With a length the helper answers the way's MTU, and does not hold this packet's own length against it. */
	struct bpf_fib_lookup query = { .ifindex = ifindex, .l4_protocol = protocol, .tot_len = 1 };
	long result;

	if (family == FAMILY4) {
		query.family = ADDRESS_FAMILY_INET;
		query.ipv4_src = source[0];
		query.ipv4_dst = target[0];
	} else {
		query.family = ADDRESS_FAMILY_INET6;
		copy_address(query.ipv6_src, source, family);
		copy_address(query.ipv6_dst, target, family);
	}
	/* A neighbour not resolved yet is no obstacle: bpf_redirect_neigh asks for it. Kernels before 6.3 do not know the
	 * flag, and tell no MTU of a way whose neighbour they do not know: then packets of any length are let through. */
	result = bpf_fib_lookup(context, &query, sizeof(query), BPF_FIB_LOOKUP_SKIP_NEIGH);
	if (result < 0)
		result = bpf_fib_lookup(context, &query, sizeof(query), 0);
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return false;
	route->ifindex = query.ifindex;
	route->mtu = query.mtu_result < LEAST_MTU ? NO_MTU : query.mtu_result;
	if (family == FAMILY4) {
		/* An IPv4 route by way of an IPv6 next hop (RFC 5549) is answered in the other family. */
		if (query.family != ADDRESS_FAMILY_INET)
			return false;
		route->hop[0] = query.ipv4_dst;
	} else {
		copy_address(route->hop, query.ipv6_dst, family);
	}
	return true;
}

/* Keeps the MTUs of both ways in a connection. */
static __always_inline void keep_mtus(struct weir_connection *connection, __u16 server_mtu, __u16 client_mtu, int family)
{
	struct weir_connection4 *v4 = (void *)connection;
	struct weir_connection6 *v6 = (void *)connection;

	*(family == FAMILY4 ? &v4->server_mtu : &v6->server_mtu) = server_mtu;
	*(family == FAMILY4 ? &v4->client_mtu : &v6->client_mtu) = client_mtu;
}

/* The MTU of the way that packets coming from the given side take. */
static __always_inline __u16 mtu_of(const struct weir_connection *connection, enum direction direction, int family)
{
	const struct weir_connection4 *v4 = (const void *)connection;
	const struct weir_connection6 *v6 = (const void *)connection;

	if (family == FAMILY4)
		return direction == IN ? v4->server_mtu : v4->client_mtu;
	return direction == IN ? v6->server_mtu : v6->client_mtu;
}

/*
 * Looks up both ways of the connection in `slot`, for a packet of it that comes in now from the given side. False when
 * one of them leads nowhere, or both lead the same way: then the client pretends to be in the servers' network.
 */
static __always_inline bool route_both(struct __sk_buff *skb, struct weir_connection *connection, __u32 generation,
				       enum direction direction, int family)
{
	struct addresses at = addresses_of(connection, family);
	struct weir_settings *set = get_settings();
	struct route to_server = {}, to_client = {};
	__u8 epoch = set ? set->route_epoch : 0, protocol = connection->protocol;
	__u32 ifindex = skb->ifindex;

	/* Left in one piece: of IPv6 clang would spill each word of them by itself, at twice its size, and there is little stack. */
	if (family == FAMILY6)
		asm volatile("" : : "r"(&to_server), "r"(&to_client) : "memory");
	if (direction == OUT) {
		if (!route_lookup(skb, ifindex, at.virtual_ip, at.client, protocol, family, &to_client))
			return false;
		ifindex = to_client.ifindex;
	}
	if (!route_lookup(skb, ifindex, at.client, at.server, protocol, family, &to_server))
		return false;
	if (direction == IN &&
	    !route_lookup(skb, to_server.ifindex, at.virtual_ip, at.client, protocol, family, &to_client))
		return false;
	if (to_server.ifindex == to_client.ifindex || word_generation(READ_ONCE(connection->word)) != generation)
		return false;
	connection->route_epoch = epoch;
	connection->server_ifindex = to_server.ifindex;
	connection->client_ifindex = to_client.ifindex;
	copy_address(at.server_hop, to_server.hop, family);
	copy_address(at.client_hop, to_client.hop, family);
	keep_mtus(connection, to_server.mtu, to_client.mtu, family);
	return true;
}

__noinline int route4(struct __sk_buff *skb, __u32 slot, __u32 generation, __u32 direction)
{
	struct weir_connection *connection = connection_at(slot, FAMILY4);

	return connection && route_both(skb, connection, generation, direction, FAMILY4);
}

__noinline int route6(struct __sk_buff *skb, __u32 slot, __u32 generation, __u32 direction)
{
	struct weir_connection *connection = connection_at(slot, FAMILY6);

	return connection && route_both(skb, connection, generation, direction, FAMILY6);
}

static __always_inline bool route_connection(struct __sk_buff *skb, __u32 slot, __u32 generation,
					     enum direction direction, int family)
{
	return family == FAMILY4 ? route4(skb, slot, generation, direction) : route6(skb, slot, generation, direction);
}

#endif
