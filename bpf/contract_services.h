/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract that says what is configured: services, their servers, and how packets find them. For contract.h alone. */
#ifndef WEIR_CONTRACT_SERVICES_H
#define WEIR_CONTRACT_SERVICES_H

#include <linux/types.h>

#define WEIR_MAX_SERVERS 1024 /* real servers in one service */
#define WEIR_MAX_RING 4096    /* turns in a precomputed wrr ring, longer ones are computed turn by turn; and mh's places */

/* Schedulers, in the order of SCHEDULERS in src/core/model/service.ts. */
enum weir_scheduler {
	WEIR_SCHEDULER_RR = 0,
	WEIR_SCHEDULER_WRR = 1,
	WEIR_SCHEDULER_LC = 2,
	WEIR_SCHEDULER_WLC = 3,
	WEIR_SCHEDULER_SED = 4,
	WEIR_SCHEDULER_NQ = 5,
	WEIR_SCHEDULER_FO = 6,
	WEIR_SCHEDULER_OVF = 7,
	WEIR_SCHEDULER_DH = 8,
	WEIR_SCHEDULER_SH = 9,
	WEIR_SCHEDULER_MH = 10,
	WEIR_SCHEDULER_TWOS = 11,
	WEIR_SCHEDULER_LBLC = 12,
	WEIR_SCHEDULER_LBLCR = 13,
	WEIR_SCHEDULER_MAX = 14,
};

/* Flags of schedulers; sh and mh have both. */
#define WEIR_SCHEDULER_FLAG_FALLBACK 1 /* where the hash leads to a server of weight 0, look on */
#define WEIR_SCHEDULER_FLAG_PORT 2     /* the client's port is hashed too */
#define WEIR_SCHEDULER_FLAG_THRESHOLDS 4 /* of any scheduler: some server of the service has an upper threshold */

/* services_by_key: key → __u32 slot in `services`. */
struct weir_service_key {
	__u32 address[4];
	__u16 port;
	__u8 protocol;
	__u8 family; /* 4 or 6 */
};

/* No id of a server: 2^32 - 1. */
#define WEIR_NO_SERVER 4294967295

/* Options of a service. */
#define WEIR_OPTION_SLOPPY_TCP 1 /* a connection may begin with any segment but a reset */
#define WEIR_OPTION_SECURE_TCP 2 /* the stricter table of TCP's states */
#define WEIR_OPTION_EXPIRE_QUIESCENT_TEMPLATE 4 /* a template to a server of weight 0 is void */
#define WEIR_OPTION_ONE_PACKET 8 /* UDP: every packet is scheduled anew, and no connection is kept */
#define WEIR_OPTION_RESET_ON_DOWN 16 /* on_down: reset; not for packets, which ask who is WEIR_MEMBER_GONE */

/* services: two slots an id (2·id and 2·id+1), written while unpublished, then published by one update of the key. */
struct weir_service {
	struct weir_service_key key;
	__u32 id;
	__u32 scheduler;
	__u32 members;	   /* first of this service's members */
	__u32 member_count; /* 0 - WEIR_MAX_SERVERS */
	__u32 eligible;	   /* members with a weight above 0: they come first, and schedulers look at no others */
	__u32 ring;	   /* wrr, sh, dh, mh: where this service's turns or table begin in `rings` */
	__u32 ring_length; /* turns in the ring or places in the table; wrr: 0 when turns are computed */
	__u32 cycle;	   /* wrr, twos: sum of the weights ÷ their greatest common divisor */
	__u32 stride;	   /* wrr without a ring: turns to advance, coprime to the cycle */
	__u32 persistence; /* jiffies that a template outlives its latest use; 0: not persistent */
	__u32 persistence_ms; /* the same as configured, in milliseconds */
	__u32 mask[4];	   /* persistent: clients that are alike under it share a template */
	__u32 scheduler_flags; /* WEIR_SCHEDULER_FLAG_* */
	__u32 sorry;	   /* id of the server for connections that no other is there for; WEIR_NO_SERVER: none */
	__u32 no_server;   /* 1: what nobody is there for is dropped, without an answer */
	__u32 ports;	   /* several ports or addresses: where its own ranges begin in `ports`; not for packets */
	__u32 port_count;  /* such ranges; 0: one port, or every port, of one address */
	__u32 prefix_length; /* several ports or addresses: of its prefix, 1 - 32 or 128; `key` has the prefix and port 0 */
	__u32 options;	   /* WEIR_OPTION_* */
};

/* groups: service id → its published slot + 1, if it is of several ports or addresses; 0 if it is not published. */

/* networks: prefix of addresses of such services → which of them has which port. */
struct weir_network_key {
	__u32 prefix_length; /* in bits, of what follows: 32 and the address's */
	__u8 family;
	__u8 protocol;
	__u16 reserved;
	__u32 address[4];
};
#define WEIR_NETWORK_HEAD 32 /* bits of a network's key before its address */
struct weir_network {
	__u32 ports;  /* where its ranges begin in `ports` */
	__u32 count;  /* ranges, ascending, none overlapping */
	__u32 length; /* of the address's prefix */
};

/* ports: ranges of ports, in host byte order, for they are compared. Networks and services own runs of them. */
struct weir_port_range {
	__u16 first;
	__u16 last;
	__u32 service; /* id */
};

/* How many prefixes, one inside the other, are looked at for a packet. */
#define WEIR_MAX_NESTED 8

/* members: a service's servers, one after the other, in the configuration's order but for those of weight 0, which
 * come last. */
struct weir_member {
	__u32 server;	  /* id in `servers` */
	__u32 weight;	  /* 0 - 65535 */
	__u32 cumulative; /* weights up to and including this one, each divided by their greatest common divisor */
	__u32 order;	  /* place in the configuration */
	__u32 last_weight; /* the weight it had when it was last above 0: mh's table is made by it; not for packets */
	__u32 upper_threshold; /* as in `thresholds`, where packets look */
	__u32 lower_threshold;
};

/* thresholds: numbers of connections by which a server is taken out of the scheduler's choice and put in again. */
struct weir_thresholds {
	__u32 upper; /* no new connections from so many on; 0: any number */
	__u32 lower; /* again from fewer than so many on; 0: from three quarters of the upper one on */
};

/* one_packet: where a server of a service that keeps no connections answers from → the server's id. */
struct weir_one_packet_key {
	__u32 address[4];
	__u16 port;
	__u16 family; /* 4 or 6 */
};

/* localities: what lblc and lblcr remember of a destination. Times in nanoseconds since boot. */
struct weir_locality_key {
	__u32 service; /* id */
	__u32 address[4];
};
struct weir_locality {
	__u64 used;	/* when a connection last asked */
	__u64 modified; /* lblcr: when its set last changed */
	__u64 since;	/* lblcr: elements of its set entered before count no more */
	__u32 server;	/* lblc: id */
	__u32 reserved;
};

/* locality_servers: an element of the set that lblcr has for a destination. */
struct weir_locality_server {
	struct weir_locality_key destination;
	__u32 server; /* id */
};

/* rings: turns of wrr or places of a table, each the place of a member in its service. */
struct weir_turns {
	__u16 member[4];
};

/* service_state: what belongs to a service's id and outlives its publications. */
struct weir_service_state {
	__u32 timeouts[WEIR_STATE_MAX];	   /* by state, in jiffies */
	__u32 timeouts_ms[WEIR_STATE_MAX]; /* the same as configured, in milliseconds */
	__u32 slot;			   /* in `services`, the latest published */
	__u32 flags;			   /* WEIR_SERVICE_* */
};

#define WEIR_SERVICE_IN_USE 1
#define WEIR_SERVICE_PERSISTENT 2 /* the latest published slot's persistence is not 0 */
#define WEIR_SERVICE_SECURE_TCP 4 /* the latest published slot has the option */

/* What memberships hold of a server. */
#define WEIR_MEMBER_NONE 0
#define WEIR_MEMBER_ABLE 1
#define WEIR_MEMBER_QUIESCENT 2 /* of weight 0 */
#define WEIR_MEMBER_GONE 3	/* down, member or not, and its connections end at their clients' next packets (gone.h) */

/* servers: a real server in one service; written while unpublished, except for the counters. */
struct weir_server {
	__u32 address[4];
	__u16 port;
	__u16 flags;	/* WEIR_SERVER_IN_USE */
	__u32 service;	/* id of its service */
	__s32 active;	/* connections from the SYN to the first FIN or RST */
	__s32 inactive; /* all others, UDP among them */
	__u32 moves;	/* times that a counter changed, so that an audit knows when to trust itself */
	__s32 templates; /* templates that lead to it */
	__u32 overloaded; /* the upper threshold that it reached and has not left behind since; 0: none */
};
#define WEIR_SERVER_IN_USE 1

#endif
