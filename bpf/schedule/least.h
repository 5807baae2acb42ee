/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * lc and wlc: the server with the least overhead, 256·active + active + inactive as in ip_vs, for wlc per weight.
 * The first of equals in the order of the configuration wins.
 */
#ifndef WEIR_SCHEDULE_LEAST_H
#define WEIR_SCHEDULE_LEAST_H

#include "../maps.h"

struct least {
	__u32 first;
	__u32 best;
	__u64 overhead;
	__u64 weight; /* of the best, 0 while there is none */
	__u64 weighted;
};

static long least_step(__u32 index, void *context)
{
	struct least *least = context;
	__u32 at = least->first + index, id;
	struct weir_member *member = bpf_map_lookup_elem(&members, &at);
	struct weir_server *server;
	__u64 overhead, weight;

	if (!member)
		return 1;
	id = member->server;
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return 1;
	overhead = 257ULL * (__u32)server->active + (__u32)server->inactive;
	weight = least->weighted ? member->weight : 1;
	/* overhead / weight < best overhead / best weight, as products. */
	if (least->weight == 0 || overhead * least->weight < least->overhead * weight) {
		least->best = index;
		least->overhead = overhead;
		least->weight = weight;
	}
	return 0;
}

static __always_inline __u32 schedule_least(const struct weir_service *service, bool weighted)
{
	struct least least = { .first = service->members, .weighted = weighted };

	bpf_loop(service->eligible, least_step, &least, 0);
	return least.best;
}

#endif
