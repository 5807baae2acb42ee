/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * lblc and lblcr: connections to one destination stay together. lblc remembers one server for a destination, lblcr a set;
 * either looks for another, by wlc, when its server is overloaded while another is half idle.
 *
 * One walk over the members learns all that a decision may need. An element of lblcr's set holds the time at which it was
 * entered: those from before the locality's beginning count no more. Two CPUs may decide at the same time; as in ip_vs
 * the later one's word stands.
 */
#ifndef WEIR_SCHEDULE_LOCALITY_H
#define WEIR_SCHEDULE_LOCALITY_H

#include "least.h"
#include "../parse.h"

#define DAY_NS (86400ULL * 1000000000)

/* A member of the set, and what it costs. */
struct holder {
	struct cost cost;
	__u64 entered;
	__u32 member; /* NO_MEMBER while there is none */
	__u32 server;
	__u32 overloaded; /* 1 when it has more active connections than its weight */
	__u32 reserved;
};

/* What one decision is about. */
struct locality_walk {
	struct weir_locality_server set; /* the key of the locality, and with a server that of an element of its set */
	struct weir_locality fresh;	 /* a locality that begins now */
	struct cost least;		 /* of the best by wlc; `per` is 0 while there is none */
	struct holder lightest, heaviest;
	__u64 since;
	__u32 best; /* by wlc */
	__u32 best_server;
	__u32 held; /* lblc: the server remembered */
	__u32 size; /* of the set */
	__u32 idle; /* 1 when somebody has fewer active connections than half of the weight */
	__u32 first;
	__u32 eligible;
	__u32 replicated; /* 1 for lblcr */
	__u32 known;	  /* 1 when there is a locality */
	__u32 reserved;
};

/* 0 → the decision that this CPU is about: too much for the stack. Nobody else is on this CPU meanwhile, since softirqs do
 * not interrupt each other. Not pinned: it holds nothing between two packets. */
WEIR_MAP(locality_walks, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct locality_walk, 0);

static __always_inline struct locality_walk *get_walk(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&locality_walks, &key);
}

/* When the server was entered in the set; 0 when it is not there. */
static __always_inline __u64 entered_of(struct locality_walk *walk, __u32 server)
{
	__u64 *entered;

	if (!walk->known)
		return 0;
	if (!walk->replicated)
		return server == walk->held;
	walk->set.server = server;
	entered = bpf_map_lookup_elem(&locality_servers, &walk->set);
	return entered && *entered >= walk->since ? *entered : 0;
}

/* Puts the candidate in the holder's place if it is cheaper, or dearer; of equals the one entered later. */
static __always_inline void contend(struct holder *holder, const struct holder *candidate, bool dearer)
{
	__u64 ours = candidate->cost.of * holder->cost.per, theirs = holder->cost.of * candidate->cost.per;

	if (holder->member == NO_MEMBER || (dearer ? theirs < ours : ours < theirs) ||
	    (ours == theirs && candidate->entered > holder->entered))
		*holder = *candidate;
}

static long locality_step(__u32 index, void *context)
{
	struct locality_walk *walk = get_walk();
	struct holder candidate = { .member = index };
	struct weir_member *member;
	struct weir_server *server;
	__u32 at, active;

	(void)context;
	if (!walk)
		return 1;
	at = walk->first + index;
	member = bpf_map_lookup_elem(&members, &at);
	if (!member)
		return 1;
	candidate.server = member->server;
	candidate.entered = entered_of(walk, candidate.server);
	walk->size += candidate.entered != 0;
	/* Those of weight 0 come last; they stay in the set and get nothing. */
	if (index >= walk->eligible)
		return 0;
	server = bpf_map_lookup_elem(&servers, &candidate.server);
	if (!server)
		return 1;
	active = server->active;
	candidate.overloaded = active > member->weight;
	walk->idle |= active * 2ULL < member->weight;
	cost_of(WEIR_SCHEDULER_WLC, server, member->weight, &candidate.cost);
	if (candidate.entered)
		contend(&walk->heaviest, &candidate, true);
	if (server->overloaded && is_overloaded(candidate.server))
		return 0;
	if (walk->least.per == 0 || is_cheaper(&candidate.cost, &walk->least)) {
		walk->least = candidate.cost;
		walk->best = index;
		walk->best_server = candidate.server;
	}
	if (candidate.entered)
		contend(&walk->lightest, &candidate, false);
	return 0;
}

/* Takes the most loaded server out of a set that has not changed for a day. */
static __always_inline void thin_locality(struct locality_walk *walk)
{
	struct weir_locality *locality = bpf_map_lookup_elem(&localities, &walk->set.destination);
	__u64 now = walk->fresh.used;

	if (!locality || walk->size <= 1 || now - locality->modified <= DAY_NS || walk->heaviest.member == NO_MEMBER)
		return;
	walk->set.server = walk->heaviest.server;
	bpf_map_delete_elem(&locality_servers, &walk->set);
	locality->modified = now;
}

/* Remembers the best by wlc for the destination: alone, or as one more of its set. */
static __always_inline void remember_best(struct locality_walk *walk)
{
	struct weir_locality *locality;

	walk->fresh.server = walk->best_server;
	if (!walk->replicated || !walk->known)
		bpf_map_update_elem(&localities, &walk->set.destination, &walk->fresh, BPF_ANY);
	if (!walk->replicated || entered_of(walk, walk->best_server))
		return;
	walk->set.server = walk->best_server;
	bpf_map_update_elem(&locality_servers, &walk->set, &walk->fresh.used, BPF_ANY);
	locality = bpf_map_lookup_elem(&localities, &walk->set.destination);
	if (locality)
		locality->modified = walk->fresh.used;
}

/* What is remembered of the destination, marked as used now; what nobody has asked for during a day is forgotten. */
static __always_inline void recall_locality(struct locality_walk *walk)
{
	struct weir_locality *locality = bpf_map_lookup_elem(&localities, &walk->set.destination);
	__u64 now = walk->fresh.used;

	if (!locality || now - locality->used >= DAY_NS)
		return;
	locality->used = now;
	walk->known = 1;
	walk->held = locality->server;
	walk->since = locality->since;
}

static __always_inline __u32 schedule_locality(const struct weir_service *service, const struct packet *packet)
{
	struct locality_walk *walk = get_walk();
	__u64 now = bpf_ktime_get_ns();

	if (!walk)
		return NO_MEMBER;
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->set.destination.service = service->id;
	copy_address(walk->set.destination.address, packet->daddr, FAMILY6);
	walk->fresh.used = walk->fresh.modified = walk->fresh.since = now;
	walk->first = service->members;
	walk->eligible = service->eligible;
	walk->replicated = service->scheduler == WEIR_SCHEDULER_LBLCR;
	walk->best = walk->lightest.member = walk->heaviest.member = NO_MEMBER;
	recall_locality(walk);
	bpf_loop(service->member_count, locality_step, 0, 0);
	if (walk->known && walk->replicated)
		thin_locality(walk);
	if (walk->lightest.member != NO_MEMBER && !(walk->lightest.overloaded && walk->idle))
		return walk->lightest.member;
	if (walk->best != NO_MEMBER)
		remember_best(walk);
	return walk->best;
}

#endif
