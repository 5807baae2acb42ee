/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A template says which server the connections of a client, or of a network of clients, to a persistent service go to.
 * It lies in the connection table under one key, which no packet has: its protocol has a bit that theirs have not.
 *
 * It lives as long after its latest use as the service's persistence says, and as long as it controls connections. It
 * does not count them: the sweep, which comes by every connection anyway, holds the template of each (docs/decisions/0014).
 */
#ifndef WEIR_TEMPLATE_H
#define WEIR_TEMPLATE_H

#include "connection.h"

/* How far another CPU's jiffies may be ahead of ours, amply. */
#define AHEAD 65536

/* True if more than `limit` jiffies have passed since `then`; unlike a connection's, they may be more than 2^31. */
static __always_inline bool has_passed(__u32 now, __u32 then, __u32 limit)
{
	return now - then > limit && now - then < -(__u32)AHEAD;
}

/* When the template was last found to control a connection. */
static __always_inline __u32 *held_at(struct weir_connection *template)
{
	return &template->server_ifindex;
}

static __always_inline bool template_expired(struct weir_connection *template, __u64 word, __u32 now)
{
	struct weir_settings *set = get_settings();

	return set && has_passed(now, READ_ONCE(template->last_seen), word_timeout(word)) &&
	       has_passed(now, READ_ONCE(*held_at(template)), set->hold);
}

/* True if what is in the slot, a connection or a template, has outlived its time. */
static __always_inline bool is_over(struct weir_connection *connection, __u64 word, __u32 now)
{
	if (word_state(word) == WEIR_STATE_TEMPLATE)
		return template_expired(connection, word, now);
	return is_expired(connection, word, now);
}

/* True while the server is in its service's publication, with whatever weight, and not gone. */
static __always_inline bool is_member(__u32 server)
{
	__u32 *membership = bpf_map_lookup_elem(&memberships, &server);

	return membership && (*membership == WEIR_MEMBER_ABLE || *membership == WEIR_MEMBER_QUIESCENT);
}

/* True while the server is there with a weight of 0. */
static __always_inline bool is_quiescent(__u32 server)
{
	__u32 *membership = bpf_map_lookup_elem(&memberships, &server);

	return membership && *membership == WEIR_MEMBER_QUIESCENT;
}

/* The key of the template that answers for a client's packet to the service. */
static __always_inline void template_key(struct packet *key, const __u32 *client, const __u32 *virtual_ip, __u8 protocol,
					 const struct weir_service *service, int family)
{
	for (int i = 0; i < (family == FAMILY4 ? 1 : 4); i++)
		key->saddr[i] = client[i] & service->mask[i];
	key->protocol = protocol | WEIR_TEMPLATE_PROTOCOL;
	if (service->port_count) {
		/* One for all its ports and addresses. Services' ids are below 65,536. */
		copy_address(key->daddr, service->key.address, family);
		key->dport = service->id;
		key->protocol |= WEIR_GROUP_PROTOCOL;
	} else {
		copy_address(key->daddr, virtual_ip, family);
		key->dport = service->key.port;
	}
}

/* Notes at the template of the connection in `slot`, if it has one, that it controls a connection now. */
static __always_inline int template_hold(__u32 slot, __u32 now, int family)
{
	struct weir_connection *connection = connection_at(slot, family), *template;
	struct weir_service_state *record;
	struct weir_service *service;
	struct packet key = {};
	struct found found = {};
	struct addresses at;
	__u32 id;

	if (!connection)
		return 0;
	id = connection->service;
	record = bpf_map_lookup_elem(&service_state, &id);
	if (!record || !(record->flags & WEIR_SERVICE_PERSISTENT))
		return 0;
	id = record->slot;
	service = bpf_map_lookup_elem(&services, &id);
	if (!service)
		return 0;
	at = addresses_of(connection, family);
	template_key(&key, at.client, at.virtual_ip, connection->protocol, service, family);
	if (!connection_find(&key, IN, family, &found))
		return 0;
	template = connection_at(found.slot, family);
	/* A connection from before the client was sent elsewhere is none of this template's. */
	if (!template || template->server != connection->server || !connection_is_same(template, &found))
		return 0;
	WRITE_ONCE(*held_at(template), now);
	if (connection->replied)
		WRITE_ONCE(template->replied, 1);
	return 1;
}

__noinline int template_hold4(__u32 slot, __u32 now)
{
	return template_hold(slot, now, FAMILY4);
}

__noinline int template_hold6(__u32 slot, __u32 now)
{
	return template_hold(slot, now, FAMILY6);
}

#endif
