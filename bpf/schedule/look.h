/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * rr and wrr where servers have thresholds: the first turn, from the one drawn on, whose server is not overloaded. The
 * turns passed over are taken, as in ip_vs; when nobody is there, the one that was drawn is given back.
 */
#ifndef WEIR_SCHEDULE_LOOK_H
#define WEIR_SCHEDULE_LOOK_H

#include "../overload.h"
#include "wrr.h"

/* Turns that are computed may be too many: some of them, and then the members in their order. */
#define COMPUTED_LOOKS 64

struct look {
	__u64 turn;
	__u32 members; /* the service's first */
	__u32 eligible;
	__u32 ring;
	__u32 ring_length;
	__u32 cycle;
	__u32 stride;
	__u32 rr; /* 1 for rr */
	__u32 skipped;
	__u32 found;
	__u32 reserved;
};

static __always_inline __u32 member_looked_at(const struct look *look, __u32 index)
{
	__u64 turn = look->turn + index;

	if (look->rr)
		return look->eligible ? turn % look->eligible : 0;
	if (look->ring_length)
		return member_in_ring(turn, look->ring, look->ring_length);
	if (index >= COMPUTED_LOOKS)
		return index - COMPUTED_LOOKS;
	return member_by_stride(turn, look->cycle, look->stride, look->members, look->eligible);
}

static long look_step(__u32 index, void *context)
{
	struct look *look = context;
	__u32 member = member_looked_at(look, index);

	if (is_member_overloaded(look->members + member))
		return 0;
	look->found = member;
	look->skipped = look->rr || look->ring_length || index < COMPUTED_LOOKS ? index : 0;
	return 1;
}

static __always_inline __u32 schedule_by_look(const struct weir_service *service)
{
	struct look look = {
		.turn = take_turn(service),
		.members = service->members,
		.eligible = service->eligible,
		.ring = service->ring,
		.ring_length = service->ring_length,
		.cycle = service->cycle,
		.stride = service->stride,
		.rr = service->scheduler == WEIR_SCHEDULER_RR,
		.found = NO_MEMBER,
	};
	__u32 looks = look.ring_length, id = service->id;
	__u64 *position;

	if (look.rr)
		looks = look.eligible;
	else if (!looks)
		looks = COMPUTED_LOOKS + look.eligible;
	bpf_loop(looks, look_step, &look, 0);
	position = bpf_map_lookup_elem(&positions, &id);
	if (position && look.found == NO_MEMBER)
		__sync_fetch_and_add(position, -1);
	else if (position && look.skipped)
		__sync_fetch_and_add(position, look.skipped);
	return look.found;
}

#endif
