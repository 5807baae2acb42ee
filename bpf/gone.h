/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A server that is gone: it is down, and its service asks that its connections end (on_down: reset). A TCP connection is
 * closed, as by a reset of the server's, and its client gets that reset in answer to its next segment; a UDP
 * conversation, and a TCP client that begins anew, get another server.
 *
 * Who is gone stands in `memberships`, where no packet of a connection would look. But with the word the daemon
 * raises the epoch of routes, which each packet compares already; so each connection looks once, and one whose server
 * is gone keeps its old epoch, and looks every time. The sweep takes the epoch from those that have come by a current one.
 */
#ifndef WEIR_GONE_H
#define WEIR_GONE_H

#include "answer.h"
#include "follow.h"

/* True if the client's packet meets a server that is gone. A client's own reset goes on: that ends the connection, too. */
static __always_inline bool is_left_alone(const struct packet *packet, const struct found *found, int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	struct weir_settings *set = get_settings();

	return connection && set && connection->route_epoch != (__u8)set->route_epoch && is_gone(connection->server) &&
	       !(packet->tcp_flags & TCP_RST);
}

/* True for what a closed connection's end would reset; all else may begin a connection, or is none. */
static __always_inline bool is_to_be_reset(const struct packet *packet)
{
	return packet->protocol == IPPROTO_TCP && !is_opening(packet);
}

/* Closes the connection and refuses the packet. It keeps its slot for a while, so that more of its segments are answered. */
static __always_inline int hang_up(struct __sk_buff *skb, const struct packet *packet, const struct found *found,
				   int family)
{
	struct weir_connection *connection = connection_at(found->slot, family);
	__u32 generation = word_generation(found->word);

	/* As in `follow`: before the state, whose time-out is short. */
	if (connection)
		WRITE_ONCE(connection->last_seen, now_jiffies());
	if (family == FAMILY4)
		change_state4(found->slot, generation, TCP_RST, OUT);
	else
		change_state6(found->slot, generation, TCP_RST, OUT);
	return refuse(skb, WEIR_VERDICT_SERVER_GONE, 0, packet->daddr, family);
}

#endif
