/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The only contract between the packet path and TypeScript: every struct, number and limit that both sides use.
 * src/dataplane/bpf/contract.generated.ts is made from this file and what it includes of its own, and a test holds it
 * against the object's BTF.
 *
 * Addresses and ports are in network byte order; an IPv4 address stands in the first of four words, the others are 0.
 * Times are in jiffies, truncated to 32 bits: the reader subtracts, so wrapping does no harm.
 * Fixed-width fields only, natural alignment, no implicit padding.
 */
#ifndef WEIR_CONTRACT_H
#define WEIR_CONTRACT_H

#include <linux/types.h>

/* What may stand in the low bits of a connection's word. From NONE on they are ip_vs's states, in the order of
 * CONNECTION_STATES in src/core/model/state.ts. */
enum weir_state {
	WEIR_STATE_FREE = 0,	/* nobody's slot; zeroed memory reads as free */
	WEIR_STATE_CLAIMED = 1, /* being filled or being emptied by the one who claimed it */
	WEIR_STATE_NONE = 2,
	WEIR_STATE_ESTABLISHED = 3,
	WEIR_STATE_SYN_SENT = 4,
	WEIR_STATE_SYN_RECV = 5,
	WEIR_STATE_FIN_WAIT = 6,
	WEIR_STATE_TIME_WAIT = 7,
	WEIR_STATE_CLOSE = 8,
	WEIR_STATE_CLOSE_WAIT = 9,
	WEIR_STATE_LAST_ACK = 10,
	WEIR_STATE_LISTEN = 11,
	WEIR_STATE_SYNACK = 12,
	WEIR_STATE_UDP = 13,
	WEIR_STATE_TEMPLATE = 14, /* no connection: where a client of a persistent service goes (template.h) */
	WEIR_STATE_MAX = 15,
};

/* In a word, besides those: a connection of one packet, in the slot of the CPU that has the packet (one_packet.h). */
#define WEIR_STATE_ONE_PACKET 15

/* Set in the protocol of a template, so that no packet's flow is the same as a template's. */
#define WEIR_TEMPLATE_PROTOCOL 128
/* Set besides in that of a service of several ports or addresses, whose templates have its id for a port. */
#define WEIR_GROUP_PROTOCOL 64

/* The word: state in bits 0-3, idle time-out in jiffies in bits 4-35, generation in bits 36-63. */
#define WEIR_WORD_TIMEOUT_SHIFT 4
#define WEIR_WORD_GENERATION_SHIFT 36

/* What is configured: services and their servers. */
#include "contract_services.h"

/* What became of packets that were not simply forwarded, and of connections that did not simply end. */
enum weir_verdict {
	WEIR_VERDICT_NOT_OURS = 0,	  /* passed on: no service, or neither TCP nor UDP as far as can be seen */
	WEIR_VERDICT_MALFORMED = 1,	  /* passed on: lengths that contradict each other */
	WEIR_VERDICT_FRAGMENT = 2,	  /* passed on: a later fragment of a packet that was passed on */
	WEIR_VERDICT_NO_CONNECTION = 3,	  /* passed on: TCP to a service, neither known nor a SYN */
	WEIR_VERDICT_NO_SERVER = 4,	  /* refused, or dropped: nobody to take it */
	WEIR_VERDICT_NO_ROUTE = 5,	  /* refused: no way to the server or back to the client */
	WEIR_VERDICT_TABLE_FULL = 6,	  /* dropped: no slot, and none that might be taken */
	WEIR_VERDICT_TTL_EXCEEDED = 7,	  /* refused: it would leave with TTL 0 */
	WEIR_VERDICT_CONFLICT = 8,	  /* dropped: every port tried towards the server was in use */
	WEIR_VERDICT_PORT_CHANGED = 9,	  /* connections whose client port was changed towards the server */
	WEIR_VERDICT_EXPIRED = 10,	  /* connections found expired by a packet and removed then and there */
	WEIR_VERDICT_RECLAIMED = 11,	  /* closing or unanswered connections that made room for a new one */
	WEIR_VERDICT_HALF_OPEN_EVICTED = 12, /* half-open connections that made room for a new one */
	WEIR_VERDICT_REUSED = 13,	  /* connections replaced by a new SYN on their addresses and ports */
	WEIR_VERDICT_RACE_LOST = 14,	  /* connections given up for the same one made on another CPU */
	WEIR_VERDICT_ICMP_TRANSLATED = 15, /* ICMP errors sent on to the end that they concern */
	WEIR_VERDICT_TOO_BIG = 16,	  /* refused: larger than the way out, and not to be cut */
	WEIR_VERDICT_FRAGMENTED = 17,	  /* rewritten, and left to the stack to be cut: larger than the way out */
	WEIR_VERDICT_ANSWERED = 18,	  /* refused packets whose sender was told so */
	WEIR_VERDICT_ANSWER_LIMITED = 19, /* refused packets whose sender was not: too many at a time */
	WEIR_VERDICT_FRAGMENT_HELD = 20,  /* later fragments kept because they came before their first */
	WEIR_VERDICT_FRAGMENT_DROPPED = 21, /* dropped: later fragments whose first was, or for which there is no room */
	WEIR_VERDICT_SERVER_GONE = 22, /* of connections whose server is down, where that ends them: refused, or scheduled anew */
	WEIR_VERDICT_MAX = 23,
};

/* server_audit: what a walk of the connection tables found for a server. */
struct weir_audit {
	__u32 active;
	__u32 inactive;
	__u32 templates;
};

/* service_traffic and server_traffic, per CPU. Bytes count from the IP header on. */
struct weir_traffic {
	__u64 conns;
	__u64 inpkts;
	__u64 outpkts;
	__u64 inbytes;
	__u64 outbytes;
};

/* keys4, keys6: buckets of keys, a cache line each. A key says where a flow's connection lies: slot in bits 0-23,
 * generation in bits 24-51, bit 52 while it is claimed and not yet published, bit 53 always, bit 54 if it is of replies,
 * and nine bits of the flow's hash in bits 55-63. An empty place is 0. */
#define WEIR_BUCKET_KEYS 7
#define WEIR_KEY_GENERATION_SHIFT 24
#define WEIR_KEY_CLAIMED_SHIFT 52
#define WEIR_KEY_PRESENT_SHIFT 53
#define WEIR_KEY_REPLY_SHIFT 54
#define WEIR_KEY_MARK_SHIFT 55
struct weir_bucket {
	__u64 keys[WEIR_BUCKET_KEYS];
	__u64 strayed; /* keys that would stand here and stand in another of their buckets instead */
};

/* connections4, connections6: one slot a connection, both directions; IPv4 fills one cache line, IPv6 two. Behind those of
 * connections there is one for each possible CPU, for the one packet that it has of a service that keeps none. A template
 * has a slot too, of which it uses the word, last_seen (its latest use), service, server, its addresses (the client's
 * under the service's mask), virtual_port (the service's own), server_port, protocol (WEIR_TEMPLATE_PROTOCOL set),
 * replied (1 once it was found to control a connection that a server has answered), and server_ifindex: not an interface
 * but the jiffies when it was last found to control a connection. */
struct weir_connection {
	__u64 word;	   /* state, time-out, generation: changed by compare-and-swap only */
	__u32 last_seen;   /* jiffies of the latest packet of either direction */
	__u32 service;	   /* id */
	__u32 server;	   /* id */
	__u32 server_ifindex;
	__u32 client_ifindex;
	__u16 client_port;
	__u16 virtual_port;
	__u16 server_port;
	__u16 seen_port;   /* the client's port as the server sees it */
	__u8 protocol;
	__u8 route_epoch;  /* of the settings when the next hops were looked up */
	__u8 replied;	   /* 1 once the server has sent a packet: until then the client may be made up */
	__u8 by_stack;	   /* 1: opened to go by the host's stack */
};
struct weir_connection4 {
	struct weir_connection head;
	__u32 client;
	__u32 virtual_ip;
	__u32 server;
	__u32 server_hop; /* next hop towards the server */
	__u32 client_hop; /* next hop towards the client */
	__u16 server_mtu; /* the longest packet that the way to the server takes, from the IP header on */
	__u16 client_mtu;
};
struct weir_connection6 {
	struct weir_connection head;
	__u32 client[4];
	__u32 virtual_ip[4];
	__u32 server[4];
	__u32 server_hop[4];
	__u32 client_hop[4];
	__u16 server_mtu;
	__u16 client_mtu;
	__u32 reserved;
};

/* answers: until when the answers given so far use up the rate, in nanoseconds since boot. */
struct weir_answers {
	__u64 paid;
	__u64 paid_too_big; /* of those that say how large a packet may be */
};

/* settings: one element, written by the daemon. */
struct weir_settings {
	__u64 secret[8];   /* of the hash that chooses buckets; as long as the tables live */
	__u32 buckets4;	   /* in keys4 */
	__u32 buckets6;
	__u32 half_open_limit;
	__u32 prepared;	   /* 1 once the stacks of free slots are filled */
	__u32 route_epoch; /* 0 - 255; raised when the host's routes change, so that next hops are looked up again */
	__u32 by_stack;	   /* 1: packets go by the host's stack, those of connections opened before excepted */
	__u32 no_new_since; /* 0: new connections are taken; otherwise since when not, in seconds of CLOCK_MONOTONIC */
	__u32 answer_rate; /* answers a second that each CPU may give of itself, and as many of too large packets; 0: none */
	__u32 answer_burst; /* answers at once, at least 1 */
	__u32 hold;	   /* jiffies that a template stays after it was last found to control a connection */
	__u32 fragment_time; /* jiffies for which later fragments follow their first, or wait for it */
	__u32 half_open_mask; /* places in the ring `half_open`, a power of two, less one */
	__u32 networks;	   /* in `networks`: while there are none nobody looks */
	__u32 one_packets; /* 1 while there are any in `one_packet` */
	__u32 elder;	   /* enum weir_elder: what another plane behind this one, ip_vs, has of the connections */
	__u32 one_packet4; /* the slot in connections4 of the first CPU's one packet */
	__u32 one_packet6;
	__u32 reserved;
};

/* What ip_vs does behind this plane, which comes first on each interface: docs/decisions/0027. */
enum weir_elder {
	WEIR_ELDER_NONE = 0,	 /* nothing */
	WEIR_ELDER_LEADS = 1,	 /* it takes new connections: what could begin one is passed on to it, and noted in `elders` */
	WEIR_ELDER_FINISHES = 2, /* it finishes those it has: what is noted goes on to it, and so does what begins nothing */
};

/* elders: a client's packets that are ip_vs's. */
struct weir_elder_key {
	__u32 client[4];
	__u32 virtual_ip[4];
	__u16 client_port;
	__u16 virtual_port;
	__u8 protocol;
	__u8 family;
	__u16 reserved;
};

/* tally: one element, counted by the packet path. */
struct weir_tally {
	__s64 half_open;
	__s64 connections4; /* slots in use */
	__s64 connections6;
	__u32 high4; /* every slot ever used lies below this: where walks may stop */
	__u32 high6;
	__u32 half_open_head; /* the ring's oldest entry; may lag behind by more than the ring is long */
	__u32 half_open_tail; /* where its next one goes; both count on, and are places under `half_open_mask` */
};

/* half_open: a ring of connections in the order in which they became half-open; entries may be stale. Slot and
 * generation stand as in a key, bit 52 is set for IPv6, and bit 53 always. An empty place is 0. */
#define WEIR_HALF_OPEN_IPV6_SHIFT 52

/* Which packets of a side a fragment's key means: as they arrive, or as they have left by the other side. */
enum weir_fragment_way {
	WEIR_FRAGMENT_FROM_PUBLIC = 0,
	WEIR_FRAGMENT_FROM_PRIVATE = 1,
	WEIR_FRAGMENT_TO_PRIVATE = 2,
	WEIR_FRAGMENT_TO_PUBLIC = 3,
};

/* What all fragments of one datagram have in common (RFC 791, 3.2; RFC 8200, 4.5). */
struct weir_fragment_key {
	__u32 source[4];
	__u32 target[4];
	__u32 id;
	__u8 protocol;
	__u8 family; /* 4 or 6 */
	__u8 way;
	__u8 number; /* of a held fragment, in the order of arrival; else 0 */
};

/* What becomes of a datagram's later fragments. */
enum weir_fragment_fate {
	WEIR_FRAGMENT_WAITS = 0,  /* the first has not come: they are held */
	WEIR_FRAGMENT_FOLLOWS = 1, /* it was forwarded by the connection in `slot` */
	WEIR_FRAGMENT_PASSES = 2, /* it was passed on */
	WEIR_FRAGMENT_FALLS = 3,  /* it was dropped or refused */
};

/* No slot: the first fragment was all of its connection, and `generation` is the id of its server. */
#define WEIR_ONE_PACKET_SLOT 4294967295

/* fragments: datagrams of which fragments have come lately. */
struct weir_fragment {
	__u32 slot;
	__u32 generation;
	__u32 since; /* jiffies of the first fragment, or of the first that waits */
	__u32 held;  /* fragments that have waited */
	__u8 fate;
	__u8 cut;    /* 1: the first was left to the stack to be cut, and so are the others, for it may reassemble them */
	__u16 reserved;
};

/* held: a fragment that waits for its first, the whole frame. */
#define WEIR_HELD_BYTES 2040
struct weir_held {
	__u32 since;
	__u32 length;
	__u8 bytes[WEIR_HELD_BYTES];
};

/* Argument and result of the sweep (BPF_PROG_TYPE_SYSCALL). */
struct weir_sweep {
	__u32 family; /* 4 or 6 */
	__u32 from;   /* first slot */
	__u32 count;  /* slots to look at */
	__u32 now;    /* out: jiffies */
	__u32 live;   /* out: connections that stay */
	__u32 expired; /* out: connections removed */
};

/*
 * Argument and result of retire (BPF_PROG_TYPE_SYSCALL), pinned as `retire`: all that a daemon of another layout can say
 * to this one's programs. FROZEN: neither this struct nor what its fields mean may ever change, as daemons that do
 * not exist yet, and others long gone, have to understand each other by it. What more is needed gets another name.
 */
struct weir_retire {
	__u64 cursor;	      /* in: 0 begins a walk over all connections; out: where it goes on, 0 once it is done */
	__u32 count;	      /* in: slots to look at, 1 - 1,048,576 */
	__u32 no_new;	      /* in: 1 takes no new connections from now on */
	__u32 routes_changed; /* in: 1 looks next hops up again */
	__u32 no_new_since;   /* out: since when none are taken, in seconds of CLOCK_MONOTONIC; 0 while they are */
	__u32 live;	      /* out: connections met on this stretch of the walk that stay */
	__u32 expired;	      /* out: those that were removed */
};

/* What becomes of what is to be adopted. */
enum weir_adopted {
	WEIR_ADOPTED = 1,	 /* it is in the table now */
	WEIR_ADOPTED_BEFORE = 2, /* something with that key was there */
	WEIR_ADOPTED_NOT = 3,	 /* there is no room, or no such service or server */
};

/* Argument and result of adopt (BPF_PROG_TYPE_SYSCALL): a conversation over UDP of another plane's, or a template. */
struct weir_adopt {
	__u32 client[4]; /* of a template: under its service's mask */
	__u32 virtual_ip[4];
	__u16 client_port; /* 0 of a template */
	__u16 virtual_port;
	__u8 protocol;
	__u8 family;
	__u8 template; /* 1: a template */
	__u8 reserved;
	__u32 slot;   /* of the service, in `services` */
	__u32 server; /* its id */
	__u32 age;    /* jiffies since its latest packet */
	__u32 result; /* out: enum weir_adopted */
};

/* Argument of prepare (BPF_PROG_TYPE_SYSCALL): puts slots from+count-1 … from on the stack of free ones. */
struct weir_prepare {
	__u32 family;
	__u32 from;
	__u32 count;
	__u32 failed; /* out */
};

#endif
