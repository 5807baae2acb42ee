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

/* The member whose turn it is by the service's ring. */
static __always_inline __u32 member_in_ring(__u64 turn, __u32 ring, __u32 length)
{
	__u32 place = turn % length, at = ring + place / 4;
	struct weir_turns *turns = bpf_map_lookup_elem(&rings, &at);

	return turns ? turns->member[place & 3] : 0;
}

/* The member whose turn it is where turns are computed. */
static __always_inline __u32 member_by_stride(__u64 turn, __u32 cycle, __u32 stride, __u32 members, __u32 eligible)
{
	if (cycle == 0)
		return 0;
	return member_holding(members, eligible, turn % cycle * stride % cycle);
}

static __always_inline __u32 schedule_wrr(const struct weir_service *service)
{
	__u64 turn = take_turn(service);

	if (service->ring_length == 0)
		return member_by_stride(turn, service->cycle, service->stride, service->members, service->eligible);
	return member_in_ring(turn, service->ring, service->ring_length);
}

#endif
