/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The connection table: find, claim, insert pair, remove pair. Nothing outside this file knows what it is made of.
 *
 * Inside: a slot a connection, and two keys (keys.h) that lead to it, of the packet as it arrives from the client and of
 * the packet as it arrives from the server. Whoever follows a key compares generation, addresses and ports with what
 * the slot says, takes what it needs, and looks at the word again: a slot reused meanwhile is another generation.
 */
#ifndef WEIR_CONNECTION_H
#define WEIR_CONNECTION_H

#include "keys.h"

/* The connection that the packet belongs to, coming from the client (IN) or from the server (OUT); it may have expired. */
static __always_inline bool connection_find(const struct packet *p, enum direction direction, int family,
					    struct found *found)
{
	if (direction == IN)
		return family == FAMILY4 ? key_find_in4(p, found) : key_find_in6(p, found);
	return family == FAMILY4 ? key_find_out4(p, found) : key_find_out6(p, found);
}

static __always_inline int insert_key(__u32 slot, enum direction direction, __u32 generation, int family)
{
	return family == FAMILY4 ? key_insert4(slot, direction, generation) : key_insert6(slot, direction, generation);
}

static __always_inline int delete_key(__u32 slot, enum direction direction, __u32 generation, int family)
{
	return family == FAMILY4 ? key_delete4(slot, direction, generation) : key_delete6(slot, direction, generation);
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

/* Removes what is in `slot`, its keys first, if its word is still `word`; true for the one caller that did. */
static __always_inline bool connection_end(__u32 slot, __u64 word, int family)
{
	__u32 generation = word_generation(word);
	struct weir_connection *connection;

	if (!swap_word(slot, word, make_word(generation, 0, WEIR_STATE_CLAIMED), family))
		return false;
	delete_key(slot, IN, generation, family);
	if (word_state(word) != WEIR_STATE_TEMPLATE)
		delete_key(slot, OUT, generation, family);
	connection = connection_at(slot, family);
	if (connection)
		slot_release(connection, slot, generation, family);
	return true;
}

/* Takes a free slot and marks it claimed; NULL when there is none. */
static __always_inline struct weir_connection *slot_claim(__u32 *slot, __u32 *generation, int family)
{
	/* Kernels before 6.3 take a pointer to the stack or a map here, and none that a function was given. */
	__u32 free = 0;
	long failed = family == FAMILY4 ? bpf_map_pop_elem(&free4, &free) : bpf_map_pop_elem(&free6, &free);
	struct weir_tally *totals = get_tally();
	struct weir_connection *connection;
	__u32 *high, seen;

	if (failed || !totals)
		return 0;
	*slot = free;
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

/* REPLY_KEY_TAKEN: another connection's replies look the same. RACE_LOST: the same connection is there already. */
enum entry { ENTERED, REPLY_KEY_TAKEN, RACE_LOST, NO_PLACE };

/*
 * Makes a claimed and filled slot known under both keys, the reply's first, and then live. Until then it is nobody's
 * but ours: who follows a key meets a claimed slot and goes away. On failure nothing is left in the keys.
 */
static __always_inline enum entry connection_insert(__u32 slot, __u32 generation, __u32 state, __u32 timeout, int family)
{
	int result = insert_key(slot, OUT, generation, family);

	if (result != INSERTED)
		return result == KEY_TAKEN ? REPLY_KEY_TAKEN : NO_PLACE;
	result = insert_key(slot, IN, generation, family);
	if (result == INSERTED) {
		swap_word(slot, make_word(generation, 0, WEIR_STATE_CLAIMED), make_word(generation, timeout, state), family);
		return ENTERED;
	}
	delete_key(slot, OUT, generation, family);
	return result == KEY_TAKEN ? RACE_LOST : NO_PLACE;
}

/* As `connection_insert`, of a template: it has one key, for no server sends anything that belongs to it. */
static __always_inline enum entry template_insert(__u32 slot, __u32 generation, __u32 timeout, int family)
{
	int result = insert_key(slot, IN, generation, family);

	if (result != INSERTED)
		return result == KEY_TAKEN ? RACE_LOST : NO_PLACE;
	swap_word(slot, make_word(generation, 0, WEIR_STATE_CLAIMED), make_word(generation, timeout, WEIR_STATE_TEMPLATE),
		  family);
	return ENTERED;
}

#endif
