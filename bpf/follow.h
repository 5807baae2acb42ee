/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet does to its connection: the state it moves to, the moment it was last seen, next hops gone stale. */
#ifndef WEIR_FOLLOW_H
#define WEIR_FOLLOW_H

#include "half_open.h"
#include "route.h"

#define SWAP_TRIES 4

/*
 * A client that acknowledges what no server has sent was never sent anything: its address is made up, and it stays
 * half-open. (ip_vs takes its word for it.)
 */
static __always_inline bool is_pretence(const struct weir_connection *connection, __u32 state, enum direction direction)
{
	return direction == IN && is_half_open(state) && !connection->replied;
}

static __always_inline __u32 state_after(const struct weir_connection *connection, __u32 state, __u8 flags,
					 enum direction direction)
{
	bool secure = is_half_open(state) && is_secure(connection->service);
	__u32 next = next_state(state, flags, direction, secure);

	return next == WEIR_STATE_ESTABLISHED && is_pretence(connection, state, direction) ? state : next;
}

static __always_inline int change_state(__u32 slot, __u32 generation, __u32 flags, enum direction direction, int family)
{
	struct weir_connection *connection = connection_at(slot, family);

	for (int i = 0; i < SWAP_TRIES && connection; i++) {
		__u64 word = READ_ONCE(connection->word), after;
		__u32 state = word_state(word), next;

		if (!is_live(word) || word_generation(word) != generation)
			return 0;
		next = state_after(connection, state, flags, direction);
		if (next == state)
			return 1;
		after = make_word(generation, timeout_of(connection->service, next), next);
		if (!swap_word(slot, word, after, family))
			continue;
		if (is_half_open(next) && !is_half_open(state))
			half_open_enter(slot, generation, family);
		return 1;
	}
	/* Others are changing it as fast as we look: the packet goes on, the state is theirs. */
	return 1;
}

__noinline int change_state4(__u32 slot, __u32 generation, __u32 flags, __u32 direction)
{
	return change_state(slot, generation, flags, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int change_state6(__u32 slot, __u32 generation, __u32 flags, __u32 direction)
{
	return change_state(slot, generation, flags, direction == IN ? IN : OUT, FAMILY6);
}

/* Brings the connection up to date with a packet of it. False: it has been removed meanwhile. */
static __always_inline bool follow(struct __sk_buff *skb, const struct packet *packet, const struct found *found,
				   enum direction direction, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	__u32 state = word_state(found->word), generation = word_generation(found->word), now = now_jiffies();
	struct weir_settings *set = get_settings();

	if (!connection || !set)
		return false;
	/* Before the state, whose time-out is shorter than the time it may have been idle for. Once a jiffy at most: the
	 * line is shared by the CPUs of both directions. */
	if (connection->last_seen != now)
		WRITE_ONCE(connection->last_seen, now);
	if (direction == OUT && !connection->replied)
		WRITE_ONCE(connection->replied, 1);
	if (packet->protocol == IPPROTO_TCP && state_after(connection, state, packet->tcp_flags, direction) != state &&
	    !(family == FAMILY4 ? change_state4(found->slot, generation, packet->tcp_flags, direction)
				: change_state6(found->slot, generation, packet->tcp_flags, direction)))
		return false;
	/* What belongs to a server that is gone keeps its epoch, so that the client's next packet asks (gone.h). */
	if (connection->route_epoch != (__u8)set->route_epoch && !(set->by_stack && connection->by_stack) &&
	    !is_gone(connection->server))
		route_connection(skb, found->slot, generation, direction, family);
	return true;
}

#endif
