/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The connection table: find, claim, insert pair, remove pair. Nothing outside this file knows what it is made of.
 *
 * Inside: a slot a connection, and two keys (the packet as it arrives from the client, the packet as it arrives from
 * the server) that lead to it. A key's value is slot and generation in one 64-bit word. The kernel reuses hash
 * elements at once, so whoever follows a key compares generation, addresses and ports with what the slot says, takes
 * what it needs, and looks at the word again: a slot reused meanwhile is another generation.
 */
#ifndef WEIR_CONNECTION_H
#define WEIR_CONNECTION_H

#include "state.h"

/* Where a packet's connection lies, and the word it had when it was found. */
struct found {
	__u64 word;
	__u32 slot;
};

union flow {
	struct weir_flow4 v4;
	struct weir_flow6 v6;
};

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

static __always_inline void fill_flow(union flow *flow, const __u32 *saddr, __u16 sport, const __u32 *daddr,
				      __u16 dport, __u8 protocol, int family)
{
	if (family == FAMILY4) {
		flow->v4.saddr = saddr[0];
		flow->v4.daddr = daddr[0];
		flow->v4.sport = sport;
		flow->v4.dport = dport;
		flow->v4.protocol = protocol;
	} else {
		copy_address(flow->v6.saddr, saddr, family);
		copy_address(flow->v6.daddr, daddr, family);
		flow->v6.sport = sport;
		flow->v6.dport = dport;
		flow->v6.protocol = protocol;
	}
}

static __always_inline void connection_flow(union flow *flow, struct weir_connection *c, enum direction direction,
					    int family)
{
	struct addresses at = addresses_of(c, family);

	if (direction == IN)
		fill_flow(flow, at.client, c->client_port, at.virtual_ip, c->virtual_port, c->protocol, family);
	else
		fill_flow(flow, at.server, c->server_port, at.client, c->seen_port, c->protocol, family);
}

__noinline int key_insert(__u32 slot, __u32 direction, __u32 generation, __u32 family)
{
	__u64 value = (__u64)generation << 32 | slot;
	struct weir_connection *connection;
	union flow flow = {};

	if (family == FAMILY4) {
		connection = connection_at(slot, FAMILY4);
		if (!connection)
			return -1;
		connection_flow(&flow, connection, direction, FAMILY4);
		return bpf_map_update_elem(&flows4, &flow.v4, &value, BPF_NOEXIST);
	}
	connection = connection_at(slot, FAMILY6);
	if (!connection)
		return -1;
	connection_flow(&flow, connection, direction, FAMILY6);
	return bpf_map_update_elem(&flows6, &flow.v6, &value, BPF_NOEXIST);
}

__noinline int key_delete(__u32 slot, __u32 direction, __u32 family)
{
	struct weir_connection *connection;
	union flow flow = {};

	if (family == FAMILY4) {
		connection = connection_at(slot, FAMILY4);
		if (!connection)
			return -1;
		connection_flow(&flow, connection, direction, FAMILY4);
		return bpf_map_delete_elem(&flows4, &flow.v4);
	}
	connection = connection_at(slot, FAMILY6);
	if (!connection)
		return -1;
	connection_flow(&flow, connection, direction, FAMILY6);
	return bpf_map_delete_elem(&flows6, &flow.v6);
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

/* The connection that the packet belongs to, coming from the client (IN) or from the server (OUT); it may have expired. */
static __always_inline bool connection_find(const struct packet *p, enum direction direction, int family,
					    struct found *found)
{
	union flow flow = {};
	struct weir_connection *connection;
	__u64 *value, entry;

	fill_flow(&flow, p->saddr, p->sport, p->daddr, p->dport, p->protocol, family);
	value = family == FAMILY4 ? bpf_map_lookup_elem(&flows4, &flow.v4) : bpf_map_lookup_elem(&flows6, &flow.v6);
	if (!value)
		return false;
	entry = READ_ONCE(*value);
	found->slot = (__u32)entry;
	connection = connection_at(found->slot, family);
	if (!connection)
		return false;
	found->word = READ_ONCE(connection->word);
	return is_live(found->word) && word_generation(found->word) == (__u32)(entry >> 32) &&
	       is_packet_of(p, connection, direction, family);
}

/*
 * Deletes the client's key of a packet if it leads to a slot that has since been somebody else's or nobody's. Nothing
 * should leave such a key behind but a kernel that refused to delete it.
 */
static __always_inline void key_forget_stale(const struct packet *p, int family)
{
	struct weir_connection *connection;
	union flow flow = {};
	__u64 *value, entry, word;

	fill_flow(&flow, p->saddr, p->sport, p->daddr, p->dport, p->protocol, family);
	value = family == FAMILY4 ? bpf_map_lookup_elem(&flows4, &flow.v4) : bpf_map_lookup_elem(&flows6, &flow.v6);
	if (!value)
		return;
	entry = READ_ONCE(*value);
	connection = connection_at((__u32)entry, family);
	if (!connection)
		return;
	word = READ_ONCE(connection->word);
	if (word_generation(word) == (__u32)(entry >> 32) && word_state(word) != WEIR_STATE_FREE)
		return;
	if (family == FAMILY4)
		bpf_map_delete_elem(&flows4, &flow.v4);
	else
		bpf_map_delete_elem(&flows6, &flow.v6);
}

/* True while the slot still holds the connection that was found in it, in whatever state. */
static __always_inline bool connection_is_same(struct weir_connection *connection, const struct found *found)
{
	__u64 word = READ_ONCE(connection->word);

	return is_live(word) && word_generation(word) == word_generation(found->word);
}

/*
 * The packets of this connection go by the host's stack. Since when it was opened: conntrack takes the first packet
 * it sees for the first there is, and a reply for a server's own connection. Back from the stack all go at once.
 */
static __always_inline bool goes_by_stack(const struct found *found, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);

	return new_go_by_stack() && connection && connection->by_stack;
}

static __always_inline bool connection_expired(const struct found *found, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);

	return connection && is_expired(connection, found->word, now_jiffies());
}

static __always_inline void slot_release(struct weir_connection *connection, __u32 slot, __u32 generation, int family)
{
	struct weir_tally *totals = get_tally();

	WRITE_ONCE(connection->word, make_word(generation + 1, 0, WEIR_STATE_FREE));
	if (totals)
		__sync_fetch_and_add(family == FAMILY4 ? &totals->connections4 : &totals->connections6, -1);
	if (family == FAMILY4)
		bpf_map_push_elem(&free4, &slot, 0);
	else
		bpf_map_push_elem(&free6, &slot, 0);
}

/* Removes the connection in `slot`, both keys first, if its word is still `word`; true for the one caller that did. */
static __always_inline bool connection_end(__u32 slot, __u64 word, int family)
{
	__u32 generation = word_generation(word);
	struct weir_connection *connection;

	if (!swap_word(slot, word, make_word(generation, 0, WEIR_STATE_CLAIMED), family))
		return false;
	key_delete(slot, IN, family);
	key_delete(slot, OUT, family);
	connection = connection_at(slot, family);
	if (connection)
		slot_release(connection, slot, generation, family);
	return true;
}

/* Takes a free slot and marks it claimed; NULL when there is none. */
static __always_inline struct weir_connection *slot_claim(__u32 *slot, __u32 *generation, int family)
{
	long failed = family == FAMILY4 ? bpf_map_pop_elem(&free4, slot) : bpf_map_pop_elem(&free6, slot);
	struct weir_tally *totals = get_tally();
	struct weir_connection *connection;
	__u32 *high, seen;

	if (failed || !totals)
		return 0;
	connection = connection_at(*slot, family);
	if (!connection)
		return 0;
	*generation = word_generation(connection->word);
	connection->word = make_word(*generation, 0, WEIR_STATE_CLAIMED);
	__sync_fetch_and_add(family == FAMILY4 ? &totals->connections4 : &totals->connections6, 1);
	high = family == FAMILY4 ? &totals->high4 : &totals->high6;
	for (int i = 0; i < 16; i++) {
		seen = READ_ONCE(*high);
		if (seen > *slot || __sync_val_compare_and_swap(high, seen, *slot + 1) == seen)
			break;
	}
	return connection;
}

enum insertion { INSERTED, REPLY_KEY_TAKEN, RACE_LOST };

/*
 * Makes a claimed and filled slot known under both keys, the reply's first, and then live. Until then it is nobody's
 * but ours: who follows a key meets a claimed slot and goes away. On failure nothing is left in the keys.
 */
static __always_inline enum insertion connection_insert(__u32 slot, __u32 generation, __u32 state, __u32 timeout,
							int family)
{
	if (key_insert(slot, OUT, generation, family))
		return REPLY_KEY_TAKEN;
	if (!key_insert(slot, IN, generation, family)) {
		swap_word(slot, make_word(generation, 0, WEIR_STATE_CLAIMED), make_word(generation, timeout, state), family);
		return INSERTED;
	}
	key_delete(slot, OUT, family);
	return RACE_LOST;
}

#endif
