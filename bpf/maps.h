/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every map of the packet path, one line each: key → value. Sizes given as 1 are set by the loader from `limits`. */
#ifndef WEIR_MAPS_H
#define WEIR_MAPS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include "contract.h"

#define WEIR_MAP(name_, type_, key_, value_, flags_)                                                                   \
	struct {                                                                                                       \
		__uint(type, type_);                                                                                   \
		__uint(max_entries, 1);                                                                                \
		__uint(map_flags, flags_);                                                                             \
		__type(key, key_);                                                                                     \
		__type(value, value_);                                                                                 \
	} name_ SEC(".maps")

/* A stack has no key. */
#define WEIR_LINE(name_, type_, value_)                                                                                \
	struct {                                                                                                       \
		__uint(type, type_);                                                                                   \
		__uint(max_entries, 1);                                                                                \
		__uint(key_size, 0);                                                                                   \
		__uint(value_size, sizeof(value_));                                                                    \
	} name_ SEC(".maps")

/* service (protocol, address, port) → slot in services */
WEIR_MAP(services_by_key, BPF_MAP_TYPE_HASH, struct weir_service_key, __u32, 0);
/* slot → a published or a half-written service */
WEIR_MAP(services, BPF_MAP_TYPE_ARRAY, __u32, struct weir_service, 0);
/* service id → its published slot + 1; of services of several ports or addresses */
WEIR_MAP(groups, BPF_MAP_TYPE_ARRAY, __u32, __u32, 0);
/* addresses of such services → ports; the longest prefix goes first */
WEIR_MAP(networks, BPF_MAP_TYPE_LPM_TRIE, struct weir_network_key, struct weir_network, BPF_F_NO_PREALLOC);
/* place → ports of a service; a network owns a run of places, and so does a service */
WEIR_MAP(ports, BPF_MAP_TYPE_ARRAY, __u32, struct weir_port_range, 0);
/* service id → time-outs, latest slot */
WEIR_MAP(service_state, BPF_MAP_TYPE_ARRAY, __u32, struct weir_service_state, 0);
/* service id → turns taken by rr, wrr and twos */
WEIR_MAP(positions, BPF_MAP_TYPE_ARRAY, __u32, __u64, 0);
/* place → server and weight; a service owns a run of places */
WEIR_MAP(members, BPF_MAP_TYPE_ARRAY, __u32, struct weir_member, 0);
/* place → four turns of wrr, or four places of a table of sh, dh or mh; a service owns a run of places */
WEIR_MAP(rings, BPF_MAP_TYPE_ARRAY, __u32, struct weir_turns, 0);
/* service id, destination → what lblc and lblcr remember of it; the one unused longest makes room */
WEIR_MAP(localities, BPF_MAP_TYPE_LRU_HASH, struct weir_locality_key, struct weir_locality, 0);
/* service id, destination, server id → when lblcr entered the server in the destination's set */
WEIR_MAP(locality_servers, BPF_MAP_TYPE_LRU_HASH, struct weir_locality_server, __u64, 0);
/* server id → real server, its connections now */
WEIR_MAP(servers, BPF_MAP_TYPE_ARRAY, __u32, struct weir_server, 0);
/* server id → WEIR_MEMBER_*, not NONE while its service's publication has it: until then and from then on templates that lead to it are void */
WEIR_MAP(memberships, BPF_MAP_TYPE_ARRAY, __u32, __u32, 0);
/* server id → numbers of connections by which the scheduler leaves it out; zeroes: never */
WEIR_MAP(thresholds, BPF_MAP_TYPE_ARRAY, __u32, struct weir_thresholds, 0);
/* address and port of a server of a one-packet service → server id */
WEIR_MAP(one_packet, BPF_MAP_TYPE_HASH, struct weir_one_packet_key, __u32, 0);
/* server id → connections found by the sweep's walk */
WEIR_MAP(server_audit, BPF_MAP_TYPE_ARRAY, __u32, struct weir_audit, 0);
/* service id → traffic, per CPU */
WEIR_MAP(service_traffic, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct weir_traffic, 0);
/* server id → traffic, per CPU */
WEIR_MAP(server_traffic, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct weir_traffic, 0);
/* bucket → keys of flows, both directions; mmapable because that puts buckets and slots on cache lines */
WEIR_MAP(keys4, BPF_MAP_TYPE_ARRAY, __u32, struct weir_bucket, BPF_F_MMAPABLE);
WEIR_MAP(keys6, BPF_MAP_TYPE_ARRAY, __u32, struct weir_bucket, BPF_F_MMAPABLE);
/* slot → connection, both directions */
WEIR_MAP(connections4, BPF_MAP_TYPE_ARRAY, __u32, struct weir_connection4, BPF_F_MMAPABLE);
WEIR_MAP(connections6, BPF_MAP_TYPE_ARRAY, __u32, struct weir_connection6, BPF_F_MMAPABLE);
/* free slots, the latest freed on top: it is the one still in a cache */
WEIR_LINE(free4, BPF_MAP_TYPE_STACK, __u32);
WEIR_LINE(free6, BPF_MAP_TYPE_STACK, __u32);
/* place → a half-open connection, in the order in which they became so; a ring, as a queue of the kernel's takes a lock */
WEIR_MAP(half_open, BPF_MAP_TYPE_ARRAY, __u32, __u64, 0);
/* datagram → what becomes of its fragments; losing an entry costs one datagram */
WEIR_MAP(fragments, BPF_MAP_TYPE_LRU_HASH, struct weir_fragment_key, struct weir_fragment, 0);
/* datagram and number → a fragment that came before the first */
WEIR_MAP(held, BPF_MAP_TYPE_LRU_HASH, struct weir_fragment_key, struct weir_held, 0);
/* 0 → where a fragment is put together, per CPU */
WEIR_MAP(holding, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct weir_held, 0);
/* a client's packets → since when they are noted as another plane's; what it takes is taken while there are any */
WEIR_MAP(elders, BPF_MAP_TYPE_HASH, struct weir_elder_key, __u32, BPF_F_NO_PREALLOC);
/* verdict → packets or connections, per CPU */
WEIR_MAP(verdicts, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 0);
/* 0 → the answers given so far, per CPU */
WEIR_MAP(answers, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct weir_answers, 0);
/* 0 → what the daemon sets */
WEIR_MAP(settings, BPF_MAP_TYPE_ARRAY, __u32, struct weir_settings, 0);
/* 0 → what the packet path counts over all connections */
WEIR_MAP(tally, BPF_MAP_TYPE_ARRAY, __u32, struct weir_tally, 0);

static __always_inline void verdict(enum weir_verdict what)
{
	__u32 key = what;
	__u64 *count = bpf_map_lookup_elem(&verdicts, &key);

	if (count)
		*count += 1;
}

/* What a program answers for a packet. NEXT lets other programs and the stack have it; TC_ACT_OK would not. */
#define TCX_NEXT -1
#define TCX_DROP 2

static __always_inline int pass(enum weir_verdict why)
{
	verdict(why);
	return TCX_NEXT;
}

static __always_inline int drop(enum weir_verdict why)
{
	verdict(why);
	return TCX_DROP;
}

static __always_inline struct weir_settings *get_settings(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&settings, &key);
}

/* True once another layout's plane has taken over: see retire.h. */
static __always_inline bool takes_no_new(void)
{
	struct weir_settings *set = get_settings();

	return set && set->no_new_since;
}

/* True while ip_vs has connections: see elder.h. */
static __always_inline bool has_elder(void)
{
	struct weir_settings *set = get_settings();

	return set && set->elder != WEIR_ELDER_NONE;
}

static __always_inline bool new_go_by_stack(void)
{
	struct weir_settings *set = get_settings();

	return set && set->by_stack;
}

static __always_inline struct weir_tally *get_tally(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&tally, &key);
}

static __always_inline __u32 now_jiffies(void)
{
	return (__u32)bpf_jiffies64();
}

#endif
