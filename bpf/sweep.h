/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A slice of the connection table: what has expired goes, what stays is counted for the audit of the counters. */
#ifndef WEIR_SWEEP_H
#define WEIR_SWEEP_H

#include "template.h"

struct sweep {
	__u32 from;
	__u32 now;
	__u32 live;
	__u32 expired;
};

/* Takes the current epoch of routes from a connection, if it has that. */
static __always_inline void age_epoch(struct weir_connection *connection)
{
	struct weir_settings *set = get_settings();

	if (set && connection->route_epoch == (__u8)set->route_epoch)
		connection->route_epoch--;
}

static __always_inline long sweep_slot(__u32 slot, struct sweep *sweep, int family)
{
	struct weir_connection *connection = connection_at(slot, family);
	struct weir_audit *audit;
	bool template;
	__u64 word;
	__u32 id;

	if (!connection)
		return 1;
	word = READ_ONCE(connection->word);
	/* The slots of single packets are their CPUs', not the table's. */
	if (!is_live(word) || word_state(word) == WEIR_STATE_ONE_PACKET)
		return 0;
	id = connection->server;
	template = word_state(word) == WEIR_STATE_TEMPLATE;
	/* A template to a server that has left is of no use, and keeps the server's number from being given back; so is any
	 * where no connections are taken any more, and would keep the plane from ending. */
	if (is_over(connection, word, sweep->now) || (template && (takes_no_new() || !is_member(id)))) {
		sweep->expired += connection_end(slot, word, family);
		return 0;
	}
	sweep->live++;
	if (!template) {
		family == FAMILY4 ? template_hold4(slot, sweep->now) : template_hold6(slot, sweep->now);
		/* Opened or followed while its server went, or idle while the epoch came round: see gone.h. */
		if (is_gone(id))
			age_epoch(connection);
	}
	audit = bpf_map_lookup_elem(&server_audit, &id);
	if (audit && template)
		audit->templates++;
	else if (audit && is_active(word_state(word)))
		audit->active++;
	else if (audit)
		audit->inactive++;
	return 0;
}

static long sweep_step4(__u32 index, void *context)
{
	struct sweep *sweep = context;

	return sweep_slot(sweep->from + index, sweep, FAMILY4);
}

static long sweep_step6(__u32 index, void *context)
{
	struct sweep *sweep = context;

	return sweep_slot(sweep->from + index, sweep, FAMILY6);
}

struct filling {
	__u32 top;
	__u32 failed;
};

static long fill_step4(__u32 index, void *context)
{
	struct filling *filling = context;
	__u32 slot = filling->top - index;

	filling->failed += bpf_map_push_elem(&free4, &slot, 0) != 0;
	return 0;
}

static long fill_step6(__u32 index, void *context)
{
	struct filling *filling = context;
	__u32 slot = filling->top - index;

	filling->failed += bpf_map_push_elem(&free6, &slot, 0) != 0;
	return 0;
}

#endif
