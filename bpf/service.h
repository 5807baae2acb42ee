/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Destination of a packet → the virtual service that is published there. */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include "maps.h"
#include "parse.h"

static __always_inline struct weir_service *service_find(const struct packet *packet, int family)
{
	struct weir_service_key key = { .port = packet->dport, .protocol = packet->protocol, .family = family };
	struct weir_service *service;
	__u32 *slot;

	copy_address(key.address, packet->daddr, family);
	slot = bpf_map_lookup_elem(&services_by_key, &key);
	if (!slot)
		return 0;
	service = bpf_map_lookup_elem(&services, slot);
	/* The kernel reuses an element at once when its key is deleted: make sure that this is still our service. */
	if (!service || service->key.port != key.port || service->key.protocol != key.protocol ||
	    service->key.family != key.family || !same_address(service->key.address, key.address, FAMILY6))
		return 0;
	return service;
}

#endif
