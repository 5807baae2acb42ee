/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * twos: two servers drawn by weight, and of those the one with the lower overhead per weight. As in ip_vs a draw is a
 * number from 0 to the sum of the weights, both included. Its chance is the turn, mixed (Steele, Lea, Flood: SplitMix64).
 */
#ifndef WEIR_SCHEDULE_TWOS_H
#define WEIR_SCHEDULE_TWOS_H

#include "least.h"
#include "wrr.h"

static __always_inline __u64 mix_turn(__u64 turn)
{
	__u64 mixed = turn * 0x9e3779b97f4a7c15ULL + 0x9e3779b97f4a7c15ULL;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

/* The first member up to which the weights come to `draw`; `unit` is the weights' greatest common divisor. */
static __always_inline __u32 member_drawn(const struct weir_service *service, __u32 draw, __u32 unit)
{
	return draw == 0 ? 0 : member_holding(service->members, service->eligible, (draw - 1) / unit);
}

/* The overhead per weight of a member. */
static __always_inline bool load_of(const struct weir_service *service, __u32 place, struct cost *cost)
{
	__u32 at = service->members + place, id;
	struct weir_member *member = bpf_map_lookup_elem(&members, &at);
	struct weir_server *server;

	if (!member)
		return false;
	id = member->server;
	server = bpf_map_lookup_elem(&servers, &id);
	return server && cost_of(WEIR_SCHEDULER_WLC, server, member->weight, cost);
}

static __always_inline __u32 schedule_twos(const struct weir_service *service)
{
	__u32 at = service->members, unit, one, other;
	struct weir_member *first = bpf_map_lookup_elem(&members, &at);
	__u64 chance = mix_turn(take_turn(service)), total;
	struct cost cost_one, cost_other;

	/* The first member's share of the cycle is its own weight, divided by what all weights have in common. */
	if (!first || first->cumulative == 0)
		return NO_MEMBER;
	unit = first->weight / first->cumulative;
	if (unit == 0)
		return NO_MEMBER;
	total = (__u64)service->cycle * unit;
	one = member_drawn(service, (__u32)chance % (total + 1), unit);
	other = member_drawn(service, (chance >> 32) % (total + 1), unit);
	if (!load_of(service, one, &cost_one) || !load_of(service, other, &cost_other))
		return NO_MEMBER;
	return is_cheaper(&cost_other, &cost_one) ? other : one;
}

/* The draws where servers have thresholds: among those that are not overloaded, of whom no sums are kept. */
struct draws {
	__u64 total; /* of the weights up to the member that is looked at */
	__u64 draw[2];
	__u32 member[2]; /* NO_MEMBER before it is found */
	__u32 members;
	__u32 drawing; /* 0 while weights are summed up */
};

static long draws_step(__u32 index, void *context)
{
	struct draws *draws = context;
	__u32 at = draws->members + index;
	struct weir_member *member = bpf_map_lookup_elem(&members, &at);

	if (!member)
		return 1;
	if (is_overloaded(member->server))
		return 0;
	draws->total += member->weight;
	if (!draws->drawing)
		return 0;
	if (draws->member[0] == NO_MEMBER && draws->total >= draws->draw[0])
		draws->member[0] = index;
	if (draws->member[1] == NO_MEMBER && draws->total >= draws->draw[1])
		draws->member[1] = index;
	return 0;
}

static __always_inline __u32 schedule_twos_by_walk(const struct weir_service *service)
{
	struct draws draws = { .member = { NO_MEMBER, NO_MEMBER }, .members = service->members };
	struct cost cost_one, cost_other;
	__u64 chance;

	bpf_loop(service->eligible, draws_step, &draws, 0);
	if (draws.total == 0)
		return NO_MEMBER;
	chance = mix_turn(take_turn(service));
	draws.draw[0] = (__u32)chance % (draws.total + 1);
	draws.draw[1] = (chance >> 32) % (draws.total + 1);
	draws.total = 0;
	draws.drawing = 1;
	bpf_loop(service->eligible, draws_step, &draws, 0);
	if (!load_of(service, draws.member[0], &cost_one) || !load_of(service, draws.member[1], &cost_other))
		return NO_MEMBER;
	return is_cheaper(&cost_other, &cost_one) ? draws.member[1] : draws.member[0];
}

#endif
