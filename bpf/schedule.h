/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A service and its scheduler → a real server. One file each in schedule/; its twin is src/core/schedule/. */
#ifndef WEIR_SCHEDULE_H
#define WEIR_SCHEDULE_H

#include "maps.h"
#include "parse.h"
#include "schedule/turn.h"
#include "schedule/rr.h"
#include "schedule/wrr.h"
#include "schedule/look.h"
#include "schedule/least.h"
#include "schedule/twos.h"
#include "schedule/table.h"
#include "schedule/locality.h"

/*
 * The member that the packet's connection goes to, counted from the service's first; NO_MEMBER when there is none for it.
 * Verified by itself: only new connections come here, and what is added here does not add to their walk.
 */
__noinline __u32 schedule(const struct weir_service *service, const struct packet *packet)
{
	if (!service || !packet || service->eligible == 0 || service->eligible > WEIR_MAX_SERVERS ||
	    service->member_count > WEIR_MAX_SERVERS)
		return NO_MEMBER;
	switch (service->scheduler) {
	case WEIR_SCHEDULER_RR:
		return has_thresholds(service) ? schedule_by_look(service) : schedule_rr(service);
	case WEIR_SCHEDULER_WRR:
		return has_thresholds(service) ? schedule_by_look(service) : schedule_wrr(service);
	case WEIR_SCHEDULER_LC:
	case WEIR_SCHEDULER_WLC:
	case WEIR_SCHEDULER_SED:
	case WEIR_SCHEDULER_NQ:
	case WEIR_SCHEDULER_FO:
	case WEIR_SCHEDULER_OVF:
		return schedule_least(service);
	case WEIR_SCHEDULER_TWOS:
		return has_thresholds(service) ? schedule_twos_by_walk(service) : schedule_twos(service);
	case WEIR_SCHEDULER_DH:
	case WEIR_SCHEDULER_SH:
	case WEIR_SCHEDULER_MH:
		return schedule_table(service, packet);
	case WEIR_SCHEDULER_LBLC:
	case WEIR_SCHEDULER_LBLCR:
		return schedule_locality(service, packet);
	default:
		return NO_MEMBER;
	}
}

#endif
