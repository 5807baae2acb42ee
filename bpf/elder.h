/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * While ip_vs, which comes behind this plane, still has connections (docs/decisions/0027): whose is a packet that belongs to
 * none of ours? A segment that opens nothing is ip_vs's. So is one that was noted while ip_vs took the new connections: it, or
 * its client's earlier ones, went there. UDP has no first packet to tell by, and a SYN may come twice.
 */
#ifndef WEIR_ELDER_H
#define WEIR_ELDER_H

#include "slot.h"

static __always_inline int is_elders(const struct packet *packet, const struct weir_service *service, int family)
{
	struct weir_settings *set = get_settings();
	struct weir_elder_key key = {};
	__u32 now = now_jiffies();

	if (!packet || !service || !set)
		return 0;
	if (service->options & WEIR_OPTION_ONE_PACKET)
		return set->elder == WEIR_ELDER_LEADS;
	if (packet->protocol == IPPROTO_TCP && !is_opening(packet))
		return 1;
	copy_address(key.client, packet->saddr, family);
	copy_address(key.virtual_ip, packet->daddr, family);
	key.client_port = packet->sport;
	key.virtual_port = packet->dport;
	key.protocol = packet->protocol;
	key.family = family == FAMILY4 ? 4 : 6;
	if (set->elder != WEIR_ELDER_LEADS)
		return bpf_map_lookup_elem(&elders, &key) != 0;
	bpf_map_update_elem(&elders, &key, &now, BPF_ANY);
	return 1;
}

__noinline int is_elders4(const struct packet *packet, const struct weir_service *service)
{
	return is_elders(packet, service, FAMILY4);
}

__noinline int is_elders6(const struct packet *packet, const struct weir_service *service)
{
	return is_elders(packet, service, FAMILY6);
}

#endif
