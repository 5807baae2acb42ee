/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Services of several ports, or of a prefix of addresses: what ip_vs needs firewall marks for.
 *
 * An address leads to the longest prefix that has ports at all, a port in there to a service's id, and that to its
 * published slot; where the port is nobody's, the next shorter prefix is asked. Only a new connection that no service
 * has by its address and port comes here, and only while there are such services (docs/decisions/0017).
 */
#ifndef WEIR_GROUP_H
#define WEIR_GROUP_H

#include "maps.h"
#include "parse.h"

#define NO_SLOT 0xffffffff
#define NO_SERVICE 0xffffffff
#define RANGE_STEPS 17 /* of a search among as many ranges as there are ports */

static __always_inline bool has_groups(void)
{
	struct weir_settings *set = get_settings();

	return set && set->networks;
}

/* The id of the service that has the port, by halving the `count` ranges from `from` on. */
__noinline __u32 service_of_port(__u32 from, __u32 count, __u32 port)
{
	__u32 low = 0, high = count;

	for (int i = 0; i < RANGE_STEPS && low < high; i++) {
		__u32 middle = (low + high) / 2, at = from + middle;
		struct weir_port_range *range = bpf_map_lookup_elem(&ports, &at);

		if (!range)
			return NO_SERVICE;
		if (port < range->first)
			high = middle;
		else if (port > range->last)
			low = middle + 1;
		else
			return range->service;
	}
	return NO_SERVICE;
}

/* The slot of the service that has the packet's port in the longest prefix of its target of `shortest` to `longest` bits. */
static __always_inline __u32 group_find(const struct packet *packet, __u32 longest, __u32 shortest, int family)
{
	struct weir_network_key key = { .prefix_length = WEIR_NETWORK_HEAD + longest, .family = family };
	struct weir_network *network;
	__u32 id, *slot;

	if (!packet)
		return NO_SLOT;
	key.protocol = packet->protocol;
	copy_address(key.address, packet->daddr, family);
	for (int i = 0; i < WEIR_MAX_NESTED; i++) {
		network = bpf_map_lookup_elem(&networks, &key);
		if (!network || network->length < shortest || !network->length)
			return NO_SLOT;
		id = service_of_port(network->ports, network->count, bpf_ntohs(packet->dport));
		slot = bpf_map_lookup_elem(&groups, &id);
		if (slot && *slot)
			return *slot - 1;
		key.prefix_length = WEIR_NETWORK_HEAD - 1 + network->length;
	}
	return NO_SLOT;
}

__noinline __u32 group_of_address4(const struct packet *packet)
{
	return group_find(packet, 32, 32, FAMILY4);
}

__noinline __u32 group_of_address6(const struct packet *packet)
{
	return group_find(packet, 128, 128, FAMILY6);
}

__noinline __u32 group_of_prefix4(const struct packet *packet)
{
	return group_find(packet, 31, 1, FAMILY4);
}

__noinline __u32 group_of_prefix6(const struct packet *packet)
{
	return group_find(packet, 127, 1, FAMILY6);
}

#endif
