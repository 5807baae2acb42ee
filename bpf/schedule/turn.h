/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Turns: each new connection of a service draws the next number, on whichever CPU it arrives. */
#ifndef WEIR_SCHEDULE_TURN_H
#define WEIR_SCHEDULE_TURN_H

#include "../maps.h"

#define NO_MEMBER 0xffffffff

static __always_inline __u64 take_turn(const struct weir_service *service)
{
	__u32 id = service->id;
	__u64 *position = bpf_map_lookup_elem(&positions, &id);

	return position ? __sync_fetch_and_add(position, 1) : 0;
}

#endif
