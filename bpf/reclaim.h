/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A full table makes room by itself, daemon or no daemon: first what has expired, then what has ended or nobody ever
 * answered, and for a TCP connection then the oldest half-open one.
 */
#ifndef WEIR_RECLAIM_H
#define WEIR_RECLAIM_H

#include "half_open.h"
#include "template.h"

#define RECLAIM_WINDOW 32 /* slots looked at for one new connection */

/* Ends one expired or expendable connection among a window of slots; 0 if there is none. */
static __always_inline int reclaim_window(int family)
{
	struct weir_tally *totals = get_tally();
	__u32 now = now_jiffies(), high, at, spare = 0;
	__u64 spare_word = 0;

	if (!totals)
		return 0;
	high = family == FAMILY4 ? totals->high4 : totals->high6;
	if (high == 0)
		return 0;
	at = bpf_get_prandom_u32() % high;
	for (int i = 0; i < RECLAIM_WINDOW; i++) {
		__u32 slot = at + i < high ? at + i : at + i - high;
		struct weir_connection *connection = connection_at(slot, family);
		__u64 word;

		if (!connection)
			break;
		word = READ_ONCE(connection->word);
		if (!is_live(word))
			continue;
		if (is_over(connection, word, now) && connection_end(slot, word, family)) {
			verdict(WEIR_VERDICT_EXPIRED);
			return 1;
		}
		if (!spare_word && is_expendable(connection, word_state(word))) {
			spare = slot;
			spare_word = word;
		}
	}
	if (!spare_word || !connection_end(spare, spare_word, family))
		return 0;
	verdict(WEIR_VERDICT_RECLAIMED);
	return 1;
}

__noinline int reclaim4(__u32 protocol)
{
	return reclaim_window(FAMILY4) || (protocol == IPPROTO_TCP && half_open_evict(FAMILY4));
}

__noinline int reclaim6(__u32 protocol)
{
	return reclaim_window(FAMILY6) || (protocol == IPPROTO_TCP && half_open_evict(FAMILY6));
}

/* A claimed slot, if need be one that somebody else had to leave; NULL when nobody could. */
static __always_inline struct weir_connection *slot_obtain(__u32 *slot, __u32 *generation, __u32 protocol,
							   int family)
{
	struct weir_connection *connection = slot_claim(slot, generation, family);

	if (connection)
		return connection;
	if (!(family == FAMILY4 ? reclaim4(protocol) : reclaim6(protocol)))
		return 0;
	return slot_claim(slot, generation, family);
}

#endif
