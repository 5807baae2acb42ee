/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The first packet of a connection: choose a server, find the ways, take a slot, make both keys known. */
#ifndef WEIR_OPEN_H
#define WEIR_OPEN_H

#include "reclaim.h"
#include "route.h"
#include "schedule.h"
#include "service.h"

#define PORT_TRIES 8
#define FIRST_SPARE_PORT 32768

static __always_inline void count_connection(__u32 service, __u32 server)
{
	struct weir_traffic *traffic = bpf_map_lookup_elem(&service_traffic, &service);

	if (traffic)
		traffic->conns++;
	traffic = bpf_map_lookup_elem(&server_traffic, &server);
	if (traffic)
		traffic->conns++;
}

/*
 * Enters the connection in the table. The server sees the client's own port, unless a connection of the same client
 * with the same server (by another service) has it already: then another port, so that replies can be told apart.
 */
static __always_inline bool enter(const struct packet *packet, struct weir_connection *connection, __u32 generation,
				  struct found *found, int family)
{
	__u32 state = packet->protocol == IPPROTO_TCP ? WEIR_STATE_SYN_RECV : WEIR_STATE_UDP;
	__u32 timeout = timeout_of(connection->service, state);
	enum insertion result = REPLY_KEY_TAKEN;
	struct found other;

	for (int i = 0; i < PORT_TRIES && result == REPLY_KEY_TAKEN; i++) {
		if (i > 0)
			connection->seen_port = bpf_htons(FIRST_SPARE_PORT | (bpf_get_prandom_u32() & 0x7fff));
		result = connection_insert(found->slot, generation, state, timeout, family);
		/* The same packet's twin on another CPU has the same reply key: then it is no conflict. */
		if (result == REPLY_KEY_TAKEN && i == 0 && connection_find(packet, IN, family, &other))
			result = RACE_LOST;
	}
	if (result == INSERTED) {
		found->word = make_word(generation, timeout, state);
		count_connection(connection->service, connection->server);
		if (connection->seen_port != connection->client_port)
			verdict(WEIR_VERDICT_PORT_CHANGED);
		if (is_half_open(state))
			half_open_enter(found->slot, generation, family);
		return true;
	}
	slot_release(connection, found->slot, generation, family);
	if (result == RACE_LOST && connection_find(packet, IN, family, found)) {
		verdict(WEIR_VERDICT_RACE_LOST);
		return true;
	}
	key_forget_stale(packet, family);
	return false;
}

/* Opens a connection for the packet and answers 0, or answers what is to become of the packet. */
static __always_inline int open_connection(struct __sk_buff *skb, const struct packet *packet,
					   const struct weir_service *service, struct found *found, int family)
{
	__u32 place = schedule(service), at = service->members + place, generation;
	struct weir_connection *connection;
	struct weir_member *member;
	struct weir_server *server;
	struct addresses to;
	__u32 id;

	member = place == NO_MEMBER ? 0 : bpf_map_lookup_elem(&members, &at);
	if (!member)
		return drop(WEIR_VERDICT_NO_SERVER);
	id = member->server;
	server = bpf_map_lookup_elem(&servers, &id);
	connection = server ? slot_obtain(&found->slot, &generation, packet->protocol, family) : 0;
	if (!connection)
		return drop(WEIR_VERDICT_TABLE_FULL);
	connection->last_seen = now_jiffies();
	connection->service = service->id;
	connection->server = id;
	connection->client_port = packet->sport;
	connection->seen_port = packet->sport;
	connection->virtual_port = packet->dport;
	connection->server_port = server->port;
	connection->protocol = packet->protocol;
	connection->replied = 0;
	connection->by_stack = new_go_by_stack();
	to = addresses_of(connection, family);
	copy_address(to.client, packet->saddr, family);
	copy_address(to.virtual_ip, packet->daddr, family);
	copy_address(to.server, server->address, family);
	if (!route_connection(skb, found->slot, generation, IN, family)) {
		slot_release(connection, found->slot, generation, family);
		return drop(WEIR_VERDICT_NO_ROUTE);
	}
	return enter(packet, connection, generation, found, family) ? 0 : drop(WEIR_VERDICT_CONFLICT);
}

static __always_inline int open_for(struct __sk_buff *skb, struct packet *packet, struct found *found, int family)
{
	struct weir_service *service;

	if (!packet || !found)
		return TCX_NEXT;
	/* The plane that succeeds this one comes next on the interface. */
	if (takes_no_new())
		return pass(WEIR_VERDICT_NOT_OURS);
	service = service_find(packet, family);
	if (!service || is_martian_source(packet, family))
		return pass(WEIR_VERDICT_NOT_OURS);
	if (packet->protocol == IPPROTO_TCP && !is_opening(packet))
		return pass(WEIR_VERDICT_NO_CONNECTION);
	if (packet->ttl <= 1)
		return drop(WEIR_VERDICT_TTL_EXCEEDED);
	return open_connection(skb, packet, service, found, family);
}

__noinline int open4(struct __sk_buff *skb, struct packet *packet, struct found *found)
{
	return open_for(skb, packet, found, FAMILY4);
}

__noinline int open6(struct __sk_buff *skb, struct packet *packet, struct found *found)
{
	return open_for(skb, packet, found, FAMILY6);
}

#endif
