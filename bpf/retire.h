/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The end of a plane's life, led by a daemon that does not know its tables: take no new connections, expire those that
 * there are, say how many are left. What the argument means is frozen (struct weir_retire); how it is done is not.
 */
#ifndef WEIR_RETIRE_H
#define WEIR_RETIRE_H

#include "sweep.h"

#define RETIRE_MOST (1 << 20)
/* The cursor: the slot to go on with, and in the upper half which table it is of: 0 for IPv4, 1 for IPv6. */
#define RETIRE_IPV6 1

static __always_inline void retire_orders(const struct weir_retire *task, struct weir_settings *set)
{
	__u32 now = bpf_ktime_get_ns() / 1000000000;

	if (task->routes_changed)
		set->route_epoch = (set->route_epoch + 1) & 0xff;
	if (task->no_new && !set->no_new_since)
		set->no_new_since = now ? now : 1;
}

/* Walks a stretch of one table; it ends where there is no further slot. */
static __always_inline void retire_walk(struct weir_retire *task)
{
	__u32 table = task->cursor >> 32, count = task->count;
	struct sweep sweep = { .from = task->cursor, .now = now_jiffies() };
	bool ended;

	if (count > RETIRE_MOST)
		count = RETIRE_MOST;
	if (table == RETIRE_IPV6)
		bpf_loop(count, sweep_step6, &sweep, 0);
	else
		bpf_loop(count, sweep_step4, &sweep, 0);
	task->live = sweep.live;
	task->expired = sweep.expired;
	count += sweep.from;
	ended = table == RETIRE_IPV6 ? !connection_at(count, FAMILY6) : !connection_at(count, FAMILY4);
	if (ended)
		task->cursor = table == RETIRE_IPV6 ? 0 : (__u64)RETIRE_IPV6 << 32;
	else
		task->cursor = (__u64)table << 32 | count;
}

#endif
