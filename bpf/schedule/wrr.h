/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * wrr: as many turns of a cycle as the weight says. A short cycle is a ring that user space has laid out in ip_vs's
 * order; in a long one the turn is multiplied by a stride coprime to the cycle, which visits every place once a cycle
 * and spreads neighbours apart, and the member is the one whose share of the cycle holds that place.
 */
#ifndef WEIR_SCHEDULE_WRR_H
#define WEIR_SCHEDULE_WRR_H

#include "turn.h"

/* The first of `count` members whose cumulative share lies above `place`. Verified by itself, once for all callers. */
__noinline __u32 member_holding(__u32 first, __u32 count, __u32 place)
{
	__u32 low = 0, high = count - 1;

	for (int i = 0; i < 11 && low < high; i++) {
		__u32 middle = (low + high) / 2, at = first + middle;
		struct weir_member *member = bpf_map_lookup_elem(&members, &at);

		if (!member)
			break;
		if (member->cumulative > place)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static __always_inline __u32 schedule_wrr(const struct weir_service *service)
{
	__u64 turn = take_turn(service);
	struct weir_turns *turns;
	__u32 place, at;

	if (service->ring_length == 0) {
		if (service->cycle == 0)
			return 0;
		place = turn % service->cycle * service->stride % service->cycle;
		return member_holding(service->members, service->eligible, place);
	}
	place = turn % service->ring_length;
	at = service->ring + place / 4;
	turns = bpf_map_lookup_elem(&rings, &at);
	return turns ? turns->member[place & 3] : 0;
}

#endif
