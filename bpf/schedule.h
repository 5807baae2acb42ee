/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A service and its scheduler → a real server. One file each in schedule/; its twin is src/core/schedule/. */
#ifndef WEIR_SCHEDULE_H
#define WEIR_SCHEDULE_H

#include "maps.h"
#include "schedule/turn.h"
#include "schedule/rr.h"
#include "schedule/wrr.h"
#include "schedule/least.h"

#define NO_MEMBER 0xffffffff

/* The member that the next connection goes to, counted from the service's first; NO_MEMBER when nobody is eligible. */
static __always_inline __u32 schedule(const struct weir_service *service)
{
	if (service->eligible == 0 || service->eligible > WEIR_MAX_SERVERS)
		return NO_MEMBER;
	switch (service->scheduler) {
	case WEIR_SCHEDULER_RR:
		return schedule_rr(service);
	case WEIR_SCHEDULER_WRR:
		return schedule_wrr(service);
	case WEIR_SCHEDULER_LC:
		return schedule_least(service, false);
	case WEIR_SCHEDULER_WLC:
		return schedule_least(service, true);
	default:
		return NO_MEMBER;
	}
}

#endif
