/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The word of a connection, TCP's states, and the counters that follow them.
 *
 * Every change of a word is one compare-and-swap, and its winner alone moves the counters. A counter that rises does
 * so before the swap and one that falls after it, so none is ever below the truth; who loses takes back what it raised.
 */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "maps.h"
#include "overload.h"
#include "parse.h"

#define STATE_MASK 0xf
#define GENERATION_MASK 0x0fffffff

#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

static __always_inline __u32 word_state(__u64 word)
{
	return word & STATE_MASK;
}

static __always_inline __u32 word_timeout(__u64 word)
{
	return word >> WEIR_WORD_TIMEOUT_SHIFT;
}

static __always_inline __u32 word_generation(__u64 word)
{
	return word >> WEIR_WORD_GENERATION_SHIFT;
}

static __always_inline __u64 make_word(__u32 generation, __u32 timeout, __u32 state)
{
	return (__u64)(generation & GENERATION_MASK) << WEIR_WORD_GENERATION_SHIFT |
	       (__u64)timeout << WEIR_WORD_TIMEOUT_SHIFT | state;
}

static __always_inline bool is_live(__u64 word)
{
	return word_state(word) >= WEIR_STATE_NONE;
}

static __always_inline bool is_expired(const struct weir_connection *connection, __u64 word, __u32 now)
{
	return (__s32)(now - READ_ONCE(connection->last_seen) - word_timeout(word)) > 0;
}

static __always_inline bool is_half_open(__u32 state)
{
	return state == WEIR_STATE_SYN_RECV || state == WEIR_STATE_SYN_SENT || state == WEIR_STATE_SYNACK;
}

/* What ip_vs counts as active, since 4.8 before the handshake's end already. UDP is not. */
static __always_inline bool is_active(__u32 state)
{
	return state == WEIR_STATE_ESTABLISHED || is_half_open(state);
}

/*
 * Ended or ending, or a UDP client, a client taken up in the middle (sloppy_tcp) or a template whose client no server has
 * answered (anybody can make those up): what may make room for a new connection when the table is full.
 */
static __always_inline bool is_expendable(const struct weir_connection *connection, __u32 state)
{
	return state == WEIR_STATE_TIME_WAIT || state == WEIR_STATE_CLOSE || state == WEIR_STATE_LAST_ACK ||
	       ((state == WEIR_STATE_UDP || state == WEIR_STATE_TEMPLATE || state == WEIR_STATE_ESTABLISHED) &&
		!connection->replied);
}

enum direction { IN, OUT };
enum tcp_event { EVENT_SYN, EVENT_FIN, EVENT_ACK, EVENT_RST };

/* ip_vs's TCP tables for NAT: the usual one and that of secure_tcp, in which a connection is established by the server's
 * acknowledgement alone. Direction, event, state before (NONE first) → state after. */
#define NO WEIR_STATE_NONE
#define ES WEIR_STATE_ESTABLISHED
#define SS WEIR_STATE_SYN_SENT
#define SR WEIR_STATE_SYN_RECV
#define FW WEIR_STATE_FIN_WAIT
#define TW WEIR_STATE_TIME_WAIT
#define CL WEIR_STATE_CLOSE
#define CW WEIR_STATE_CLOSE_WAIT
#define LA WEIR_STATE_LAST_ACK
#define LI WEIR_STATE_LISTEN
#define SA WEIR_STATE_SYNACK
static const __u8 tcp_transitions[2][2][4][16] = { {
	[IN] = {
		/*               NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
		[EVENT_SYN] = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		[EVENT_FIN] = { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		[EVENT_RST] = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR },
	},
	[OUT] = {
		[EVENT_SYN] = { SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR },
		[EVENT_FIN] = { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		[EVENT_RST] = { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
	},
}, {
	[IN] = {
		/*               NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
		[EVENT_SYN] = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA },
		[EVENT_FIN] = { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA },
		[EVENT_ACK] = { ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA },
		[EVENT_RST] = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },
	},
	[OUT] = {
		[EVENT_SYN] = { SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA },
		[EVENT_FIN] = { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		[EVENT_RST] = { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
	},
} };
#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI
#undef SA

/* The state that follows. Of several flags RST counts before SYN, SYN before FIN, FIN before ACK. */
static __always_inline __u32 next_state(__u32 state, __u8 flags, enum direction direction, bool secure)
{
	enum tcp_event event;

	if (state < WEIR_STATE_NONE || state > WEIR_STATE_SYNACK)
		return state;
	if (flags & TCP_RST)
		event = EVENT_RST;
	else if (flags & TCP_SYN)
		event = EVENT_SYN;
	else if (flags & TCP_FIN)
		event = EVENT_FIN;
	else if (flags & TCP_ACK)
		event = EVENT_ACK;
	else
		return state;
	return tcp_transitions[secure][direction][event][(state - WEIR_STATE_NONE) & 15];
}

static __always_inline __u32 timeout_of(__u32 service, __u32 state)
{
	struct weir_service_state *record = bpf_map_lookup_elem(&service_state, &service);

	return record && state < WEIR_STATE_MAX ? record->timeouts[state] : 0;
}

/* Whether the service has the stricter table; asked for half-open connections only, as the tables differ in nothing else. */
static __always_inline bool is_secure(__u32 service)
{
	struct weir_service_state *record = bpf_map_lookup_elem(&service_state, &service);

	return record && record->flags & WEIR_SERVICE_SECURE_TCP;
}

/* True while the server is down and its connections are to end (gone.h). */
static __always_inline bool is_gone(__u32 server)
{
	__u32 *membership = bpf_map_lookup_elem(&memberships, &server);

	return membership && *membership == WEIR_MEMBER_GONE;
}

static __always_inline void adjust(struct weir_server *server, __u32 state, int by)
{
	if (state == WEIR_STATE_TEMPLATE)
		__sync_fetch_and_add(&server->templates, by);
	else
		__sync_fetch_and_add(is_active(state) ? &server->active : &server->inactive, by);
}

/*
 * Swaps the word and moves the counters of its server from the one state to the other; FREE and CLAIMED count nowhere.
 * False: somebody else changed the word first, and nothing has moved.
 */
static __always_inline bool swap_counted(struct weir_connection *connection, __u64 before, __u64 after)
{
	__u32 from = word_state(before), to = word_state(after), id = connection->server;
	struct weir_server *server = bpf_map_lookup_elem(&servers, &id);
	struct weir_tally *totals = get_tally();
	bool leaves = is_live(before), arrives = is_live(after);
	bool moves = leaves != arrives || is_active(from) != is_active(to);
	bool opens = is_half_open(to) && !is_half_open(from), settles = is_half_open(from) && !is_half_open(to);
	bool won;

	if (!server || !totals)
		return false;
	if (moves && arrives)
		adjust(server, to, 1);
	if (opens)
		__sync_fetch_and_add(&totals->half_open, 1);
	won = __sync_val_compare_and_swap(&connection->word, before, after) == before;
	if (moves && (won ? leaves : arrives))
		adjust(server, won ? from : to, -1);
	if (won ? settles : opens)
		__sync_fetch_and_add(&totals->half_open, -1);
	if (moves && won)
		__sync_fetch_and_add(&server->moves, 1);
	if (won && leaves && !arrives)
		overload_leaves(server, id);
	return won;
}

static __always_inline struct weir_connection *connection_at(__u32 slot, int family)
{
	return family == FAMILY4 ? bpf_map_lookup_elem(&connections4, &slot) : bpf_map_lookup_elem(&connections6, &slot);
}

/*
 * Here and in other files: functions that are not static are verified once, by themselves, and not again at every
 * call; and what they need of the stack, of which there are 512 bytes, is theirs only while they run.
 */
__noinline int swap_word4(__u32 slot, __u64 before, __u64 after)
{
	struct weir_connection *connection = connection_at(slot, FAMILY4);

	return connection && swap_counted(connection, before, after);
}

__noinline int swap_word6(__u32 slot, __u64 before, __u64 after)
{
	struct weir_connection *connection = connection_at(slot, FAMILY6);

	return connection && swap_counted(connection, before, after);
}

/* The one way to change a word that others may change too. */
static __always_inline bool swap_word(__u32 slot, __u64 before, __u64 after, int family)
{
	return family == FAMILY4 ? swap_word4(slot, before, after) : swap_word6(slot, before, after);
}

#endif
