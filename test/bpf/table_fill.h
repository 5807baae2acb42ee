/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The connection table filled to its last place, by flows of several patterns; a part of table.bpf.c. */
#ifndef WEIR_TABLE_FILL_H
#define WEIR_TABLE_FILL_H

/* Argument and result of table_fill and table_collect. */
struct table_fill {
	__u32 count;
	__u32 pattern;
	__u32 entered; /* out: connections entered before the first refusal; or flows collected */
	__u32 refused; /* out */
};

enum pattern { SEQUENTIAL_PORTS, ONE_PORT, STRIDES, RANDOM, COLLECTED, ONE_CLIENT };

/* Flows that would all be at home in one bucket if the secret were the one they were collected under: client, port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} table_flows SEC(".maps");

/* The flow of a number, by pattern; true if there is one. */
static __always_inline bool flow_by(struct packet *p, __u32 number, __u32 pattern)
{
	__u64 *flow;

	p->daddr[0] = bpf_htonl(0xcb007164);
	p->dport = bpf_htons(80);
	p->protocol = IPPROTO_UDP;
	switch (pattern) {
	case SEQUENTIAL_PORTS:
		p->saddr[0] = bpf_htonl(0x0a000001 + number / 60000);
		p->sport = bpf_htons(1024 + number % 60000);
		return true;
	case ONE_PORT:
		p->saddr[0] = bpf_htonl(0x0a000001 + number);
		p->sport = bpf_htons(53);
		return true;
	case STRIDES:
		p->saddr[0] = number << 12 | number >> 20;
		p->sport = number >> 8;
		return true;
	case RANDOM:
		p->saddr[0] = number * 2654435761u;
		p->sport = number * 40503u >> 4;
		return true;
	/* As a client behind somebody's NAT may look: its one port, many services. */
	case ONE_CLIENT:
		p->saddr[0] = bpf_htonl(0x0a000001);
		p->daddr[0] = bpf_htonl(0xcb000000 + (number >> 16));
		p->sport = bpf_htons(53);
		p->dport = bpf_htons(number);
		return true;
	default:
		flow = bpf_map_lookup_elem(&table_flows, &number);
		if (!flow)
			return false;
		p->saddr[0] = *flow >> 16;
		p->sport = *flow;
		return true;
	}
}

static long fill_one(__u32 number, void *context)
{
	struct table_fill *fill = context;
	struct weir_connection *c;
	struct packet p = {};
	__u32 slot, generation;
	struct weir_connection4 *v4;

	if (!flow_by(&p, number, fill->pattern))
		return 1;
	c = slot_claim(&slot, &generation, FAMILY4);
	if (!c) {
		fill->refused++;
		return 1;
	}
	v4 = (void *)c;
	v4->client = p.saddr[0];
	v4->virtual_ip = p.daddr[0];
	v4->server = bpf_htonl(0xc0a80165 + (number >> 16));
	c->client_port = c->seen_port = p.sport;
	c->virtual_port = p.dport;
	c->server_port = p.dport;
	c->protocol = p.protocol;
	c->server = c->service = 0;
	c->last_seen = now_jiffies();
	if (connection_insert(slot, generation, WEIR_STATE_UDP, 1000000, FAMILY4) == ENTERED) {
		fill->entered++;
		return 0;
	}
	slot_release(c, slot, generation, FAMILY4);
	fill->refused++;
	return 1;
}

/* Enters connections until there are `count` of them, or one is refused. */
SEC("syscall")
int table_fill(struct table_fill *task)
{
	struct table_fill fill = { .pattern = task->pattern };

	bpf_loop(task->count, fill_one, &fill, 0);
	task->entered = fill.entered;
	task->refused = fill.refused;
	return 0;
}

static long collect_one(__u32 number, void *context)
{
	struct table_fill *fill = context;
	struct packet p = {};
	struct flow of_packet;
	struct place place;
	__u64 flow;

	if (fill->entered >= fill->count)
		return 1;
	flow_by(&p, number, RANDOM);
	of_packet = flow_of_packet(&p, IN);
	if (!place_of(&of_packet, IN, FAMILY4, &place) || place.home != 0)
		return 0;
	flow = (__u64)p.saddr[0] << 16 | p.sport;
	bpf_map_update_elem(&table_flows, &fill->entered, &flow, 0);
	fill->entered++;
	return 0;
}

/* Looks for `count` flows that are all at home in the first bucket by the secret of now. */
SEC("syscall")
int table_collect(struct table_fill *task)
{
	struct table_fill fill = { .count = task->count };

	bpf_loop(1 << 23, collect_one, &fill, 0);
	task->entered = fill.entered;
	return 0;
}

#endif
