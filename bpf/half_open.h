/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Half-open TCP connections stand in a queue, the oldest first, so that a SYN flood drives out its own.
 *
 * A connection that has been established or removed leaves its entry behind; entries name a generation, so a stale
 * one does nothing. The queue is twice as long as the limit: when it is full, at least half of it is stale.
 */
#ifndef WEIR_HALF_OPEN_H
#define WEIR_HALF_OPEN_H

#include "connection.h"

#define HALF_OPEN_TRIES 16

/* The word of the entry's connection if it is half-open still, else 0. */
static __always_inline __u64 half_open_word(const struct weir_half_open *entry)
{
	int family = entry->family == FAMILY6 ? FAMILY6 : FAMILY4;
	struct weir_connection *connection = connection_at(entry->slot, family);
	__u64 word;

	if (!connection)
		return 0;
	word = READ_ONCE(connection->word);
	if (word_generation(word) != entry->generation || !is_half_open(word_state(word)))
		return 0;
	return word;
}

static __always_inline bool half_open_end(const struct weir_half_open *entry)
{
	__u64 word = half_open_word(entry);

	if (!word || !connection_end(entry->slot, word, entry->family == FAMILY6 ? FAMILY6 : FAMILY4))
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
		struct weir_half_open entry = {};

		if (bpf_map_pop_elem(&half_open, &entry))
			return 0;
		if (family && entry.family != family && half_open_word(&entry)) {
			bpf_map_push_elem(&half_open, &entry, 0);
			continue;
		}
		if (half_open_end(&entry))
			return 1;
	}
	return 0;
}

/* Queues a connection that has just become half-open; 1 when there are too many of them now. */
__noinline int half_open_queue(__u32 slot, __u32 generation, __u32 family)
{
	struct weir_half_open entry = { .slot = slot, .generation = generation, .family = family }, oldest = {};
	struct weir_settings *set = get_settings();
	struct weir_tally *totals = get_tally();

	if (!set || !totals)
		return 0;
	/* Stale entries at the head go at once, two for each that comes, so that the queue stays short. */
	for (int i = 0; i < 2; i++) {
		if (bpf_map_peek_elem(&half_open, &oldest) || half_open_word(&oldest))
			break;
		/* Another CPU may have taken the stale one in between: what is still wanted goes back. */
		if (!bpf_map_pop_elem(&half_open, &oldest) && half_open_word(&oldest))
			bpf_map_push_elem(&half_open, &oldest, 0);
	}
	for (int i = 0; i < HALF_OPEN_TRIES && bpf_map_push_elem(&half_open, &entry, 0); i++) {
		/* Full of stale entries behind one that is slow: that one goes to the end and keeps its connection. */
		if (!bpf_map_pop_elem(&half_open, &oldest) && half_open_word(&oldest)) {
			bpf_map_push_elem(&half_open, &entry, 0);
			entry = oldest;
		}
	}
	return totals->half_open > set->half_open_limit;
}

/* A connection has just become half-open: the oldest of them goes if they are too many. */
static __always_inline void half_open_enter(__u32 slot, __u32 generation, int family)
{
	if (half_open_queue(slot, generation, family))
		half_open_evict(0);
}

#endif
