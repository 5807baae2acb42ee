/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A connection of one packet, for services that keep none (ipvsadm's -o).
 *
 * It is filled in when its packet comes, in the slot that this CPU has behind all others, without keys, and is over when
 * the packet has left. A program is not interrupted by another on its CPU, so nobody else looks into that slot: neither
 * the sweep nor who makes room. Which server and client it is between the packet says: a request by its service's
 * scheduler, a reply by where it comes from (docs/decisions/0019).
 */
#ifndef WEIR_ONE_PACKET_H
#define WEIR_ONE_PACKET_H

#include "route.h"

#define ONE_PACKET_TIME 0x7fffffff /* jiffies: it never expires */
#define LEAVING 2 /* a direction: OUT, where the stack has found the way already */

/* Fills in all but the ways; false if the packet is none of this server's. */
static __always_inline bool one_packet_fill(const struct packet *packet, struct found *found, __u32 id,
					    enum direction direction, int family)
{
	struct weir_server *server = bpf_map_lookup_elem(&servers, &id);
	struct weir_settings *set = get_settings();
	struct weir_service_state *state;
	struct weir_connection *connection;
	struct weir_service *service;
	struct addresses to;
	__u32 at, slot;

	if (!server || !set)
		return false;
	at = server->service;
	state = bpf_map_lookup_elem(&service_state, &at);
	if (!state)
		return false;
	at = state->slot;
	service = bpf_map_lookup_elem(&services, &at);
	slot = (family == FAMILY4 ? set->one_packet4 : set->one_packet6) + bpf_get_smp_processor_id();
	connection = connection_at(slot, family);
	/* Numbers are given out anew: what led here may be older than what they stand for now. */
	if (!service || !connection || service->key.family != family ||
	    !same_address(direction == IN ? packet->daddr : packet->saddr,
			  direction == IN ? service->key.address : server->address, family))
		return false;
	found->slot = slot;
	/* Another generation each time, though nobody is to remember it. */
	found->word = make_word(word_generation(connection->word) + 1, ONE_PACKET_TIME, WEIR_STATE_ONE_PACKET);
	connection->word = found->word;
	connection->last_seen = now_jiffies();
	connection->service = server->service;
	connection->server = id;
	connection->client_port = direction == IN ? packet->sport : packet->dport;
	connection->seen_port = connection->client_port;
	connection->virtual_port = service->key.port;
	connection->server_port = server->port ? server->port : service->key.port;
	connection->protocol = packet->protocol;
	connection->replied = 1;
	connection->route_epoch = set->route_epoch;
	connection->by_stack = set->by_stack;
	to = addresses_of(connection, family);
	copy_address(to.client, direction == IN ? packet->saddr : packet->daddr, family);
	copy_address(to.virtual_ip, service->key.address, family);
	copy_address(to.server, server->address, family);
	return true;
}

__noinline int one_packet_fill4(const struct packet *packet, struct found *found, __u32 id, __u32 direction)
{
	return packet && found && one_packet_fill(packet, found, id, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int one_packet_fill6(const struct packet *packet, struct found *found, __u32 id, __u32 direction)
{
	return packet && found && one_packet_fill(packet, found, id, direction == IN ? IN : OUT, FAMILY6);
}

/* Makes the packet's connection; false when it is none of this server's, or one of its ends is not to be reached. */
static __always_inline bool one_packet_open(struct __sk_buff *skb, const struct packet *packet, struct found *found,
					    __u32 id, __u32 direction, int family)
{
	if (!(family == FAMILY4 ? one_packet_fill4(packet, found, id, direction)
				: one_packet_fill6(packet, found, id, direction)))
		return false;
	return direction == LEAVING || route_connection(skb, found->slot, word_generation(found->word),
							direction == IN ? IN : OUT, family);
}

/* The id of the server of such a service that the packet, or what an answer to it looks like, comes from. */
static __always_inline __u32 one_packet_server(const struct packet *packet, int family)
{
	struct weir_one_packet_key key = { .family = family };
	struct weir_settings *set = get_settings();
	__u32 *id;

	if (!packet || !set || !set->one_packets || packet->protocol != IPPROTO_UDP ||
	    is_martian(packet->daddr, family) || same_address(packet->saddr, packet->daddr, family))
		return WEIR_NO_SERVER;
	copy_address(key.address, packet->saddr, family);
	key.port = packet->sport;
	id = bpf_map_lookup_elem(&one_packet, &key);
	return id ? *id : WEIR_NO_SERVER;
}

__noinline __u32 one_packet_server4(const struct packet *packet)
{
	return one_packet_server(packet, FAMILY4);
}

__noinline __u32 one_packet_server6(const struct packet *packet)
{
	return one_packet_server(packet, FAMILY6);
}

/* The connection that a server's packet belongs to, made for it alone if its service keeps none. */
static __always_inline bool connection_of_answer(struct __sk_buff *skb, const struct packet *packet,
						 struct found *found, __u32 direction, int family)
{
	__u32 id;

	if (connection_find(packet, OUT, family, found))
		return true;
	id = family == FAMILY4 ? one_packet_server4(packet) : one_packet_server6(packet);
	if (id == WEIR_NO_SERVER)
		return false;
	return one_packet_open(skb, packet, found, id, direction, family);
}

static __always_inline bool is_one_packet(const struct found *found)
{
	return word_state(found->word) == WEIR_STATE_ONE_PACKET;
}

#endif
