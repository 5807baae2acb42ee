/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What another plane has kept, entered here as if its packets had come by: conversations over UDP, and templates. */
#ifndef WEIR_ADOPT_H
#define WEIR_ADOPT_H

#include "open.h"

/* Fills a claimed slot with a conversation. It has no way yet: its next packet meets an old epoch of routes, and asks. */
static __always_inline void adopt_fill(const struct weir_adopt *task, const struct weir_service *service,
				       const struct weir_server *server, struct weir_connection *connection, int family)
{
	struct weir_settings *set = get_settings();
	struct addresses to = addresses_of(connection, family);

	connection->last_seen = now_jiffies() - task->age;
	connection->service = service->id;
	connection->server = task->server;
	connection->client_port = task->client_port;
	connection->seen_port = task->client_port;
	connection->virtual_port = task->virtual_port;
	connection->server_port = server->port ? server->port : task->virtual_port;
	connection->protocol = task->protocol;
	connection->replied = 1;
	/* It did not go by the stack as one of ours; docs/decisions/0011. */
	connection->by_stack = 0;
	connection->route_epoch = (set ? set->route_epoch : 0) - 1;
	connection->server_ifindex = 0;
	connection->client_ifindex = 0;
	keep_mtus(connection, NO_MTU, NO_MTU, family);
	copy_address(to.client, task->client, family);
	copy_address(to.virtual_ip, task->virtual_ip, family);
	copy_address(to.server, server->address, family);
}

/* Fills a claimed slot with a template; its key stands on this function's stack alone. */
static __always_inline int adopt_template(const struct weir_adopt *task, const struct weir_service *service, __u32 slot,
					  int family)
{
	struct weir_connection *template = connection_at(slot, family);
	struct packet packet = {};

	if (!task || !service || !template)
		return 0;
	copy_address(packet.saddr, task->client, family);
	copy_address(packet.daddr, task->virtual_ip, family);
	packet.protocol = task->protocol;
	if (!template_fill(&packet, service, slot, task->server, family))
		return 0;
	template->last_seen = now_jiffies() - task->age;
	*held_at(template) = template->last_seen;
	return 1;
}

__noinline int adopt_template4(const struct weir_adopt *task, const struct weir_service *service, __u32 slot)
{
	return adopt_template(task, service, slot, FAMILY4);
}

__noinline int adopt_template6(const struct weir_adopt *task, const struct weir_service *service, __u32 slot)
{
	return adopt_template(task, service, slot, FAMILY6);
}

static __always_inline __u32 adopt(const struct weir_adopt *task, int family)
{
	__u32 at = task->slot, id = task->server, slot, generation;
	struct weir_service *service = bpf_map_lookup_elem(&services, &at);
	struct weir_server *server = bpf_map_lookup_elem(&servers, &id);
	struct weir_connection *connection;
	enum entry result = NO_PLACE;

	if (!service || !server || (task->template && !service->persistence))
		return WEIR_ADOPTED_NOT;
	connection = slot_claim(&slot, &generation, family);
	if (!connection)
		return WEIR_ADOPTED_NOT;
	if (!task->template) {
		adopt_fill(task, service, server, connection, family);
		result = connection_insert(slot, generation, WEIR_STATE_UDP, timeout_of(service->id, WEIR_STATE_UDP),
					   family);
	} else if (family == FAMILY4 ? adopt_template4(task, service, slot) : adopt_template6(task, service, slot)) {
		result = template_insert(slot, generation, service->persistence, family);
	}
	if (result == ENTERED)
		return WEIR_ADOPTED;
	slot_release(connection, slot, generation, family);
	return result == NO_PLACE ? WEIR_ADOPTED_NOT : WEIR_ADOPTED_BEFORE;
}

#endif
