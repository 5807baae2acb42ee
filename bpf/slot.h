/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is in a connection's slot: its addresses, and the packets that belong to it from either side. */
#ifndef WEIR_SLOT_H
#define WEIR_SLOT_H

#include "hash.h"

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

/* The flow that a packet belongs to, coming from the given side. */
static __always_inline struct flow flow_of_packet(const struct packet *p, enum direction direction)
{
	struct flow flow = {
		.client = direction == IN ? p->saddr : p->daddr,
		.other = direction == IN ? p->daddr : p->saddr,
		.client_port = direction == IN ? p->sport : p->dport,
		.other_port = direction == IN ? p->dport : p->sport,
		.protocol = p->protocol,
	};

	return flow;
}

/* The connection's flow, as its packets arrive from the given side. */
static __always_inline struct flow flow_of_slot(struct weir_connection *c, enum direction direction, int family)
{
	struct addresses at = addresses_of(c, family);
	struct flow flow = {
		.client = at.client,
		.other = direction == IN ? at.virtual_ip : at.server,
		.client_port = direction == IN ? c->client_port : c->seen_port,
		.other_port = direction == IN ? c->virtual_port : c->server_port,
		.protocol = c->protocol,
	};

	return flow;
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

/* Whether packets of two connections that arrive from the given side would look the same. */
static __always_inline bool is_same_flow(struct weir_connection *a, struct weir_connection *b, enum direction direction,
					 int family)
{
	struct addresses of_a = addresses_of(a, family), of_b = addresses_of(b, family);

	if (a->protocol != b->protocol || !same_address(of_a.client, of_b.client, family))
		return false;
	if (direction == IN)
		return a->client_port == b->client_port && a->virtual_port == b->virtual_port &&
		       same_address(of_a.virtual_ip, of_b.virtual_ip, family);
	return a->seen_port == b->seen_port && a->server_port == b->server_port &&
	       same_address(of_a.server, of_b.server, family);
}

#endif
