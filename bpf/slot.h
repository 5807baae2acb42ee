/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is in a connection's slot: its addresses, and the packets that belong to it from either side. */
#ifndef WEIR_SLOT_H
#define WEIR_SLOT_H

#include "state.h"

/* Where a packet's connection lies, and the word it had when it was found. */
struct found {
	__u64 word;
	__u32 slot;
	__u32 left; /* how its packet has left, STILL_HERE at first */
};
#define STILL_HERE 0
#define LEFT_AT_ONCE 1
#define LEFT_TO_BE_CUT 2 /* by way of the stack; as an input, how it is to leave */

/* The addresses in a slot: fixed places, so that both families can be written once. */
struct addresses {
	__u32 *client, *virtual_ip, *server, *server_hop, *client_hop;
};

static __always_inline struct addresses addresses_of(struct weir_connection *connection, int family)
{
	struct addresses at;

	if (family == FAMILY4) {
		struct weir_connection4 *v4 = (void *)connection;

		at.client = &v4->client;
		at.virtual_ip = &v4->virtual_ip;
		at.server = &v4->server;
		at.server_hop = &v4->server_hop;
		at.client_hop = &v4->client_hop;
	} else {
		struct weir_connection6 *v6 = (void *)connection;

		at.client = v6->client;
		at.virtual_ip = v6->virtual_ip;
		at.server = v6->server;
		at.server_hop = v6->server_hop;
		at.client_hop = v6->client_hop;
	}
	return at;
}

/* A packet of the connection as it arrives: addresses, ports and protocol, nothing else. */
static __always_inline void flow_of(struct packet *p, struct weir_connection *c, enum direction direction, int family)
{
	struct addresses at = addresses_of(c, family);

	copy_address(p->saddr, direction == IN ? at.client : at.server, family);
	copy_address(p->daddr, direction == IN ? at.virtual_ip : at.client, family);
	p->sport = direction == IN ? c->client_port : c->server_port;
	p->dport = direction == IN ? c->virtual_port : c->seen_port;
	p->protocol = c->protocol;
}

static __always_inline bool is_packet_of(const struct packet *p, struct weir_connection *c, enum direction direction,
					 int family)
{
	struct addresses at = addresses_of(c, family);

	if (p->protocol != c->protocol)
		return false;
	if (direction == IN)
		return p->sport == c->client_port && p->dport == c->virtual_port &&
		       same_address(p->saddr, at.client, family) && same_address(p->daddr, at.virtual_ip, family);
	return p->sport == c->server_port && p->dport == c->seen_port && same_address(p->saddr, at.server, family) &&
	       same_address(p->daddr, at.client, family);
}

#endif
