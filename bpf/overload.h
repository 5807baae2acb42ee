/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Thresholds of a real server, as ip_vs has them: overloaded from the connection on that makes them as many as the upper
 * threshold, until one ends that leaves fewer than the lower one, or than three quarters of the upper one. No scheduler
 * chooses an overloaded server; templates lead to it still. Nothing of this is looked at for packets of connections.
 */
#ifndef WEIR_OVERLOAD_H
#define WEIR_OVERLOAD_H

#include "maps.h"

static __always_inline __u64 connections_of(const struct weir_server *server)
{
	return (__u64)*(volatile __u32 *)&server->active + *(volatile __u32 *)&server->inactive;
}

static __always_inline bool is_relieved(const struct weir_server *server, const struct weir_thresholds *limits)
{
	__u64 total = connections_of(server);

	return limits->lower ? total < limits->lower : total * 4 < limits->upper * 3ULL;
}

/* A connection of the server has ended, and is not counted any more. */
static __always_inline void overload_leaves(struct weir_server *server, __u32 id)
{
	struct weir_thresholds *limits;

	if (!server->overloaded)
		return;
	limits = bpf_map_lookup_elem(&thresholds, &id);
	if (limits && (!limits->upper || is_relieved(server, limits)))
		__sync_lock_test_and_set(&server->overloaded, 0);
}

/* A connection of the server has begun, and is counted. */
__noinline int overload_enters(__u32 id)
{
	struct weir_thresholds *limits = bpf_map_lookup_elem(&thresholds, &id);
	struct weir_server *server = bpf_map_lookup_elem(&servers, &id);

	if (!server || !limits || !limits->upper || connections_of(server) < limits->upper)
		return 0;
	__sync_lock_test_and_set(&server->overloaded, limits->upper);
	/* Whoever ended meanwhile may have looked before it was there, and nobody might look again. */
	if (is_relieved(server, limits))
		__sync_lock_test_and_set(&server->overloaded, 0);
	return 1;
}

/*
 * Whether the scheduler leaves the server out. One whose upper threshold has been raised since, or taken away, is in
 * again at once.
 */
__noinline int is_overloaded(__u32 id)
{
	struct weir_server *server = bpf_map_lookup_elem(&servers, &id);
	struct weir_thresholds *limits;

	if (!server || !server->overloaded)
		return 0;
	limits = bpf_map_lookup_elem(&thresholds, &id);
	return limits && limits->upper && limits->upper <= server->overloaded;
}

static __always_inline bool has_thresholds(const struct weir_service *service)
{
	return service->scheduler_flags & WEIR_SCHEDULER_FLAG_THRESHOLDS;
}

/* Whether the member at this place of the run of members is left out. */
static __always_inline bool is_member_overloaded(__u32 at)
{
	struct weir_member *member = bpf_map_lookup_elem(&members, &at);

	return member && is_overloaded(member->server);
}

#endif
