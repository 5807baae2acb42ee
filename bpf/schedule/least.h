/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Schedulers that choose the server with the least of something, a fraction compared by cross-multiplication as in
 * ip_vs. The first of equals in the order of the configuration wins.
 *
 *   lc    overhead, 256·active + active + inactive
 *   wlc   overhead ÷ weight
 *   sed   (active + 1) ÷ weight
 *   nq    nothing for a server without an active connection, otherwise as sed
 *   fo    1 ÷ weight: the highest weight
 *   ovf   as fo, leaving out who has more active connections than its weight
 */
#ifndef WEIR_SCHEDULE_LEAST_H
#define WEIR_SCHEDULE_LEAST_H

#include "../overload.h"
#include "turn.h"

/* What a server costs: of ÷ per. */
struct cost {
	__u64 of;
	__u64 per;
};

static __always_inline __u64 overhead_of(const struct weir_server *server)
{
	return 257ULL * (__u32)server->active + (__u32)server->inactive;
}

static __always_inline bool is_cheaper(const struct cost *a, const struct cost *b)
{
	return a->of * b->per < b->of * a->per;
}

struct least {
	struct cost cost; /* of the best; `per` is 0 while there is none */
	__u32 first;
	__u32 best;
	__u32 scheduler;
	__u32 reserved;
};

/* False for a server that is not to be chosen. */
static __always_inline bool cost_of(__u32 scheduler, const struct weir_server *server, __u32 weight, struct cost *cost)
{
	__u32 active = server->active;

	cost->of = 1;
	cost->per = weight;
	switch (scheduler) {
	case WEIR_SCHEDULER_LC:
		cost->per = 1;
		cost->of = overhead_of(server);
		return true;
	case WEIR_SCHEDULER_WLC:
		cost->of = overhead_of(server);
		return true;
	case WEIR_SCHEDULER_NQ:
		cost->of = active ? active + 1ULL : 0;
		return true;
	case WEIR_SCHEDULER_SED:
		cost->of = active + 1ULL;
		return true;
	case WEIR_SCHEDULER_OVF:
		return active <= weight;
	default:
		return true;
	}
}

static long least_step(__u32 index, void *context)
{
	struct least *least = context;
	__u32 at = least->first + index, id;
	struct weir_member *member = bpf_map_lookup_elem(&members, &at);
	struct weir_server *server;
	struct cost cost;

	if (!member)
		return 1;
	id = member->server;
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return 1;
	if (!cost_of(least->scheduler, server, member->weight, &cost) || (server->overloaded && is_overloaded(id)))
		return 0;
	if (least->cost.per == 0 || is_cheaper(&cost, &least->cost)) {
		least->best = index;
		least->cost = cost;
	}
	return 0;
}

static __always_inline __u32 schedule_least(const struct weir_service *service)
{
	struct least least = { .first = service->members, .best = NO_MEMBER, .scheduler = service->scheduler };

	bpf_loop(service->eligible, least_step, &least, 0);
	return least.best;
}

#endif
