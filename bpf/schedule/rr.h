/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* rr: one after the other, in the order of the configuration; weights above 0 are all alike. */
#ifndef WEIR_SCHEDULE_RR_H
#define WEIR_SCHEDULE_RR_H

#include "turn.h"

static __always_inline __u32 schedule_rr(const struct weir_service *service)
{
	return take_turn(service) % service->eligible;
}

#endif
