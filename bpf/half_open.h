/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Half-open TCP connections stand in a queue, the oldest first, so that a SYN flood drives out its own.
 *
 * The queue is a ring: who comes takes the next place by one atomic addition and whatever stands there by one exchange.
 * A connection that has been established or removed leaves its entry behind; entries name a generation, so a stale one
 * does nothing. The ring has at least twice as many places as connections may be half-open, so that at least half of
 * what is met in it when it comes round is stale; what is not goes to the end and keeps its connection.
 */
#ifndef WEIR_HALF_OPEN_H
#define WEIR_HALF_OPEN_H

#include "connection.h"

#define HALF_OPEN_TRIES 16
#define HALF_OPEN_SLACK 64 /* entries that nobody minds, however few connections are half-open */

#define HALF_OPEN_IPV6 (1ULL << WEIR_HALF_OPEN_IPV6_SHIFT)

static __always_inline __u32 half_open_family(__u64 entry)
{
	return entry & HALF_OPEN_IPV6 ? FAMILY6 : FAMILY4;
}

/* The word of the entry's connection if it is half-open still, else 0. */
static __always_inline __u64 half_open_word(__u64 entry)
{
	struct weir_connection *connection = entry ? connection_at(key_slot(entry), half_open_family(entry)) : 0;
	__u64 word;

	if (!connection)
		return 0;
	word = READ_ONCE(connection->word);
	if (word_generation(word) != key_generation(entry) || !is_half_open(word_state(word)))
		return 0;
	return word;
}

static __always_inline __u64 *half_open_place(const struct weir_settings *set, __u32 position)
{
	__u32 at = position & set->half_open_mask;

	return bpf_map_lookup_elem(&half_open, &at);
}

/* Puts the entry at the end, and there too what had stood in its way and is half-open still. */
__noinline int half_open_push(__u64 entry)
{
	struct weir_settings *set = get_settings();
	struct weir_tally *totals = get_tally();

	for (int i = 0; i < HALF_OPEN_TRIES && set && totals; i++) {
		__u32 position = __sync_fetch_and_add(&totals->half_open_tail, 1);
		__u64 *place = half_open_place(set, position);

		if (!place)
			break;
		entry = __sync_lock_test_and_set(place, entry);
		/* What the head has passed needs no look, which would be at a connection that has left the caches. */
		if (position - READ_ONCE(totals->half_open_head) <= set->half_open_mask || !half_open_word(entry))
			break;
	}
	return 0;
}

/* Where the oldest entry stands: before it everything has been taken or overwritten. */
static __always_inline __u32 half_open_oldest(const struct weir_settings *set, __u32 head, __u32 tail)
{
	return tail - head > set->half_open_mask ? tail - set->half_open_mask - 1 : head;
}

/*
 * Takes the oldest entry and answers it, or 0 if another CPU was faster. *empty says that there is none. Who has taken a
 * place and not written there yet when it is passed here waits in vain to be taken, and ends by its time-out.
 */
static __always_inline __u64 half_open_take(bool *empty)
{
	struct weir_settings *set = get_settings();
	struct weir_tally *totals = get_tally();
	__u32 head, tail, at;
	__u64 *place, entry;

	*empty = true;
	if (!set || !totals)
		return 0;
	head = READ_ONCE(totals->half_open_head);
	tail = READ_ONCE(totals->half_open_tail);
	at = half_open_oldest(set, head, tail);
	place = half_open_place(set, at);
	if (at == tail || !place)
		return 0;
	*empty = false;
	entry = READ_ONCE(*place);
	if (__sync_val_compare_and_swap(&totals->half_open_head, head, at + 1) != head)
		return 0;
	/* Who comes round and finds it half-open carries it to the end, so that it is theirs then. */
	return __sync_val_compare_and_swap(place, entry, 0) == entry ? entry : 0;
}

static __always_inline bool half_open_end(__u64 entry)
{
	__u64 word = half_open_word(entry);

	if (!word || !connection_end(key_slot(entry), word, half_open_family(entry)))
		return false;
	verdict(WEIR_VERDICT_HALF_OPEN_EVICTED);
	return true;
}

/*
 * Ends the oldest half-open connection, looking at a bounded number of entries; false if it met none. `family` 0 is
 * either family: a slot of the other one would be of no use to somebody who needs a slot.
 */
__noinline int half_open_evict(__u32 family)
{
	for (int i = 0; i < HALF_OPEN_TRIES; i++) {
		bool empty;
		__u64 entry = half_open_take(&empty);

		if (empty)
			return 0;
		if (family && half_open_family(entry) != family && half_open_word(entry))
			half_open_push(entry);
		else if (half_open_end(entry))
			return 1;
	}
	return 0;
}

/*
 * Passes stale entries at the head, two for each that comes, so that the queue stays short, and whoever has to go is
 * found soon; but only once they are many, for each look is at a connection that may have left the caches.
 */
static __always_inline void half_open_trim(const struct weir_settings *set, struct weir_tally *totals)
{
	__u32 enough = 4 * (__u32)totals->half_open + HALF_OPEN_SLACK;

	if (enough > set->half_open_limit)
		enough = set->half_open_limit;
	for (int i = 0; i < 2; i++) {
		__u32 head = READ_ONCE(totals->half_open_head), tail = READ_ONCE(totals->half_open_tail), at;
		__u64 *place;

		if (tail - head <= enough)
			break;
		at = half_open_oldest(set, head, tail);
		place = half_open_place(set, at);
		if (!place || half_open_word(READ_ONCE(*place)))
			break;
		__sync_val_compare_and_swap(&totals->half_open_head, head, at + 1);
	}
}

/* Queues a connection that has just become half-open; 1 when there are too many of them now. */
__noinline int half_open_queue(__u32 slot, __u32 generation, __u32 family)
{
	__u64 entry = make_key(1ULL << WEIR_KEY_PRESENT_SHIFT, generation, slot);
	struct weir_settings *set = get_settings();
	struct weir_tally *totals = get_tally();

	if (!set || !totals)
		return 0;
	half_open_trim(set, totals);
	half_open_push(family == FAMILY6 ? entry | HALF_OPEN_IPV6 : entry);
	return totals->half_open > set->half_open_limit;
}

/* A connection has just become half-open: the oldest of them goes if they are too many. */
static __always_inline void half_open_enter(__u32 slot, __u32 generation, int family)
{
	if (half_open_queue(slot, generation, family))
		half_open_evict(0);
}

#endif
