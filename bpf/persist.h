/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A new connection of a persistent service: the server of the client's template, or a template for the one chosen. */
#ifndef WEIR_PERSIST_H
#define WEIR_PERSIST_H

#include "reclaim.h"

#define NO_SERVER ((__u32)WEIR_NO_SERVER)
#define TEMPLATE_TRIES 8

/*
 * The server that the client's template leads to; NO_SERVER when there is none, or none any more. A server of weight 0
 * keeps its clients unless the service has the option that it does not, one that has left the service loses them.
 */
static __always_inline __u32 template_server(const struct packet *packet, const struct weir_service *service, int family)
{
	struct weir_connection *template;
	__u32 server, now = now_jiffies();
	struct packet key = {};
	struct found found = {};
	bool expired;

	if (!packet || !service)
		return NO_SERVER;
	template_key(&key, packet->saddr, packet->daddr, packet->protocol, service, family);
	if (!connection_find(&key, IN, family, &found))
		return NO_SERVER;
	template = connection_at(found.slot, family);
	if (!template)
		return NO_SERVER;
	server = template->server;
	expired = template_expired(template, found.word, now);
	if (expired || !is_member(server) ||
	    (service->options & WEIR_OPTION_EXPIRE_QUIESCENT_TEMPLATE && is_quiescent(server))) {
		if (connection_end(found.slot, found.word, family) && expired)
			verdict(WEIR_VERDICT_EXPIRED);
		return NO_SERVER;
	}
	/* Written first: a sweep that looks now sees it used. What was read counts only if it is the same one still. */
	WRITE_ONCE(template->last_seen, now);
	WRITE_ONCE(*held_at(template), now);
	return connection_is_same(template, &found) ? server : NO_SERVER;
}

__noinline __u32 template_server4(const struct packet *packet, const struct weir_service *service)
{
	return template_server(packet, service, FAMILY4);
}

__noinline __u32 template_server6(const struct packet *packet, const struct weir_service *service)
{
	return template_server(packet, service, FAMILY6);
}

/* Fills a claimed slot with the client's template; by itself, so that its key takes no stack when the slot is entered. */
static __always_inline int template_fill(const struct packet *packet, const struct weir_service *service, __u32 slot,
					 __u32 server, int family)
{
	struct weir_server *record = bpf_map_lookup_elem(&servers, &server);
	struct weir_connection *template = connection_at(slot, family);
	struct packet key = {};
	struct addresses to;

	if (!packet || !service || !record || !template)
		return 0;
	template_key(&key, packet->saddr, packet->daddr, packet->protocol, service, family);
	template->last_seen = now_jiffies();
	*held_at(template) = template->last_seen;
	template->service = service->id;
	template->server = server;
	template->client_ifindex = 0;
	template->client_port = 0;
	template->seen_port = 0;
	template->virtual_port = key.dport;
	template->server_port = record->port;
	template->protocol = key.protocol;
	template->replied = 0;
	to = addresses_of(template, family);
	copy_address(to.client, key.saddr, family);
	copy_address(to.virtual_ip, key.daddr, family);
	copy_address(to.server, record->address, family);
	return 1;
}

__noinline int template_fill4(const struct packet *packet, const struct weir_service *service, __u32 slot, __u32 server)
{
	return template_fill(packet, service, slot, server, FAMILY4);
}

__noinline int template_fill6(const struct packet *packet, const struct weir_service *service, __u32 slot, __u32 server)
{
	return template_fill(packet, service, slot, server, FAMILY6);
}

/* Answered by template_make when another CPU has made the client's template: that one counts. */
#define TWIN_CAME_FIRST (NO_SERVER - 1)

/* Makes a template to the server and answers it; NO_SERVER: no room. */
static __always_inline __u32 template_make(const struct packet *packet, const struct weir_service *service, __u32 server,
					   int family)
{
	struct weir_connection *template;
	__u32 slot, generation;
	enum entry result;

	if (!packet || !service || !slot_obtain(&slot, &generation, packet->protocol, family))
		return NO_SERVER;
	if (!(family == FAMILY4 ? template_fill4(packet, service, slot, server)
				: template_fill6(packet, service, slot, server)))
		return NO_SERVER;
	result = template_insert(slot, generation, service->persistence, family);
	if (result == ENTERED)
		return server;
	template = connection_at(slot, family);
	if (template)
		slot_release(template, slot, generation, family);
	return result == RACE_LOST ? TWIN_CAME_FIRST : NO_SERVER;
}

__noinline __u32 template_make4(const struct packet *packet, const struct weir_service *service, __u32 server)
{
	return template_make(packet, service, server, FAMILY4);
}

__noinline __u32 template_make6(const struct packet *packet, const struct weir_service *service, __u32 server)
{
	return template_make(packet, service, server, FAMILY6);
}

/* The server that the client is remembered to have from now on: the one given, or another CPU's; NO_SERVER: no room. */
static __always_inline __u32 remember_server(const struct packet *packet, const struct weir_service *service, __u32 server,
					     int family)
{
	for (int i = 0; i < TEMPLATE_TRIES; i++) {
		__u32 made = family == FAMILY4 ? template_make4(packet, service, server)
					       : template_make6(packet, service, server);

		if (made != TWIN_CAME_FIRST)
			return made;
		made = family == FAMILY4 ? template_server4(packet, service) : template_server6(packet, service);
		if (made != NO_SERVER)
			return made;
		/* A twin that is not to be found is not live yet, or has ended: once more. */
	}
	return server;
}

#endif
