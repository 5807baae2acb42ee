/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The first packet of a connection: choose a server, find the ways, take a slot, make both keys known. */
#ifndef WEIR_OPEN_H
#define WEIR_OPEN_H

#include "answer.h"
#include "elder.h"
#include "one_packet.h"
#include "persist.h"
#include "route.h"
#include "schedule.h"
#include "service.h"

#define ENTRY_TRIES 8
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

/* SYN_RECV, unless a connection is taken up in the middle; both tables have the same to say of one that is not there yet. */
static __always_inline __u32 first_state(const struct packet *packet)
{
	if (packet->protocol != IPPROTO_TCP)
		return WEIR_STATE_UDP;
	return next_state(WEIR_STATE_NONE, packet->tcp_flags, IN, false);
}

/* Whether a connection may begin with this segment: a SYN, or with sloppy_tcp anything but a reset. */
static __always_inline bool may_begin(const struct weir_service *service, const struct packet *packet)
{
	return is_opening(packet) ||
	       (service->options & WEIR_OPTION_SLOPPY_TCP && !(packet->tcp_flags & TCP_RST));
}

/* Tries one port towards the server; the same packet's twin on another CPU has the same reply key, and is no conflict. */
static __always_inline int try_port(const struct packet *packet, __u32 slot, __u32 generation, int family)
{
	struct weir_connection *connection = connection_at(slot, family);
	struct found twin;
	enum entry result;
	__u32 state;

	if (!packet || !connection)
		return NO_PLACE;
	state = first_state(packet);
	result = connection_insert(slot, generation, state, timeout_of(connection->service, state), family);
	return result == REPLY_KEY_TAKEN && connection_find(packet, IN, family, &twin) ? RACE_LOST : result;
}

__noinline int try_port4(const struct packet *packet, __u32 slot, __u32 generation)
{
	return try_port(packet, slot, generation, FAMILY4);
}

__noinline int try_port6(const struct packet *packet, __u32 slot, __u32 generation)
{
	return try_port(packet, slot, generation, FAMILY6);
}

/*
 * Enters the connection in the table. The server sees the client's own port, unless a connection of the same client
 * with the same server (by another service) has it already: then another port, so that replies can be told apart.
 * RACE_LOST: `found` is the connection that the same packet's twin has made.
 */
static __always_inline enum entry enter(const struct packet *packet, struct weir_connection *connection,
					__u32 generation, struct found *found, int family)
{
	__u32 slot = found->slot;
	enum entry result = NO_PLACE;

	for (int i = 0; i < ENTRY_TRIES; i++) {
		result = family == FAMILY4 ? try_port4(packet, slot, generation) : try_port6(packet, slot, generation);
		if (result == REPLY_KEY_TAKEN)
			connection->seen_port = bpf_htons(FIRST_SPARE_PORT | (bpf_get_prandom_u32() & 0x7fff));
		else if (result != RACE_LOST || connection_find(packet, IN, family, found))
			break;
		/* A twin that is not to be found is not live yet, or has ended: the same port once more. */
	}
	return result;
}

/* Enters the connection and answers 0, or answers what is to become of the packet. */
static __always_inline int enter_or_drop(const struct packet *packet, struct weir_connection *connection,
					 __u32 generation, struct found *found, int family)
{
	__u32 state = first_state(packet), slot = found->slot;

	switch (enter(packet, connection, generation, found, family)) {
	case ENTERED:
		found->word = make_word(generation, timeout_of(connection->service, state), state);
		count_connection(connection->service, connection->server);
		if (connection->seen_port != connection->client_port)
			verdict(WEIR_VERDICT_PORT_CHANGED);
		if (is_half_open(state))
			half_open_enter(slot, generation, family);
		return 0;
	case RACE_LOST:
		slot_release(connection, slot, generation, family);
		if (found->slot == slot)
			return drop(WEIR_VERDICT_CONFLICT);
		verdict(WEIR_VERDICT_RACE_LOST);
		return 0;
	case NO_PLACE:
		slot_release(connection, slot, generation, family);
		return drop(WEIR_VERDICT_TABLE_FULL);
	default:
		slot_release(connection, slot, generation, family);
		return drop(WEIR_VERDICT_CONFLICT);
	}
}

/* The server that the service's scheduler chooses; NO_SERVER when nobody is eligible. */
static __always_inline __u32 scheduled_server(const struct weir_service *service, const struct packet *packet)
{
	__u32 place = schedule(service, packet), at = service->members + place;
	struct weir_member *member = place == NO_MEMBER ? 0 : bpf_map_lookup_elem(&members, &at);

	return member ? member->server : NO_SERVER;
}

/* Opens a connection for the packet and answers 0, or answers what is to become of the packet. */
static __always_inline int open_connection(struct __sk_buff *skb, const struct packet *packet,
					   const struct weir_service *service, struct found *found, int family)
{
	__u32 id = NO_SERVER, generation;
	struct weir_connection *connection;
	struct weir_server *server;
	struct addresses to;
	int action;

	if (service->persistence)
		id = family == FAMILY4 ? template_server4(packet, service) : template_server6(packet, service);
	if (id == NO_SERVER) {
		id = scheduled_server(service, packet);
		if (id == NO_SERVER && service->sorry == NO_SERVER)
			return service->no_server ? drop(WEIR_VERDICT_NO_SERVER)
						  : refuse(skb, WEIR_VERDICT_NO_SERVER, 0, packet->daddr, family);
		/* Nobody is remembered for the sorry server: the next connection may find a real one. */
		if (id == NO_SERVER)
			id = service->sorry;
		else if (service->persistence)
			id = remember_server(packet, service, id, family);
	}
	if (service->options & WEIR_OPTION_ONE_PACKET) {
		if (!one_packet_open(skb, packet, found, id, IN, family))
			return refuse(skb, WEIR_VERDICT_NO_ROUTE, 0, packet->daddr, family);
		count_connection(service->id, id);
		return 0;
	}
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
	connection->server_port = server->port ? server->port : packet->dport;
	connection->protocol = packet->protocol;
	connection->replied = 0;
	connection->by_stack = new_go_by_stack();
	to = addresses_of(connection, family);
	copy_address(to.client, packet->saddr, family);
	copy_address(to.virtual_ip, packet->daddr, family);
	copy_address(to.server, server->address, family);
	if (!route_connection(skb, found->slot, generation, IN, family)) {
		slot_release(connection, found->slot, generation, family);
		return refuse(skb, WEIR_VERDICT_NO_ROUTE, 0, packet->daddr, family);
	}
	action = enter_or_drop(packet, connection, generation, found, family);
	if (!action && has_thresholds(service))
		overload_enters(id);
	return action;
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
	if (has_elder() && (family == FAMILY4 ? is_elders4(packet, service) : is_elders6(packet, service)))
		return pass(WEIR_VERDICT_NOT_OURS);
	if (packet->protocol == IPPROTO_TCP && !may_begin(service, packet))
		return pass(WEIR_VERDICT_NO_CONNECTION);
	if (packet->ttl <= 1)
		return refuse(skb, WEIR_VERDICT_TTL_EXCEEDED, 0, packet->daddr, family);
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
