/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Destination of a packet → the virtual service that is published there. */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include "group.h"

static __always_inline struct weir_service *service_at(const struct packet *packet, __u16 port, int family)
{
	struct weir_service_key key = { .port = port, .protocol = packet->protocol, .family = family };
	struct weir_service *service;
	__u32 *slot;

	copy_address(key.address, packet->daddr, family);
	/* The kernel reuses an element at once when its key is updated or deleted, so the slot just read may be another
	 * service's. Then the second look meets what the key leads to now. */
	for (int i = 0; i < 2; i++) {
		slot = bpf_map_lookup_elem(&services_by_key, &key);
		if (!slot)
			return 0;
		service = bpf_map_lookup_elem(&services, slot);
		if (service && service->key.port == key.port && service->key.protocol == key.protocol &&
		    service->key.family == key.family && same_address(service->key.address, key.address, FAMILY6))
			return service;
	}
	return 0;
}

/*
 * The service at the packet's address and port, or else one of several ports of the address, or else the one of all its
 * ports, or else one of a prefix, the longest first.
 */
static __always_inline struct weir_service *service_find(const struct packet *packet, int family)
{
	struct weir_service *service = service_at(packet, packet->dport, family);
	__u32 slot = NO_SLOT;
	bool grouped;

	if (service)
		return service;
	grouped = has_groups();
	if (grouped)
		slot = family == FAMILY4 ? group_of_address4(packet) : group_of_address6(packet);
	if (slot == NO_SLOT) {
		service = service_at(packet, 0, family);
		if (service || !grouped)
			return service;
		slot = family == FAMILY4 ? group_of_prefix4(packet) : group_of_prefix6(packet);
	}
	return slot == NO_SLOT ? 0 : bpf_map_lookup_elem(&services, &slot);
}

#endif
