/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The connection table under test: its own functions, called a million times from inside the kernel by somebody who
 * knows every key. Loaded by tests only; it shares the director's maps by their pins.
 *
 * What a number's connection looks like follows from the number, so whoever finds one can tell whether all of it is
 * there. Numbers fall in three ranges. A worker's own: nobody else touches them, so it knows what each answer must be.
 * Shared: whoever likes inserts and removes; `live` counts each, and `holder` says where it is. Brief: inserted as
 * expired, and ended by whoever walks past.
 */
#include "../../bpf/director.bpf.c"
#include "table_fill.h"

#define WORKERS 8
#define OWN 128
#define SHARED 64
#define BRIEF 64
#define FIRST_SHARED (WORKERS * OWN)
#define FIRST_BRIEF (FIRST_SHARED + SHARED)
#define NUMBERS (FIRST_BRIEF + BRIEF)

/* Argument and result of table_work. */
struct table_work {
	__u32 worker;
	__u32 family;
	__u32 operations;
	__u32 inserted;
	__u32 taken;
	__u32 removed;
	__u32 expired;
	__u32 found;
	__u32 absent;
	__u32 refused;
	__u32 lost;	 /* live, and not found; or not there when it was to be removed */
	__u32 doubled;	 /* live twice */
	__u32 phantom;	 /* removed, and found */
	__u32 half_read; /* found, and not all of it there */
};

/* What is known of a number: how often it is live, and slot + 1 and generation of the connection. */
struct known {
	__u64 holder;
	__s64 live;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NUMBERS);
	__type(key, __u32);
	__type(value, struct known);
} table_known SEC(".maps");

/* worker → what it did. A map, since the verifier would follow every value of a counter on the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WORKERS);
	__type(key, __u32);
	__type(value, struct table_work);
} table_results SEC(".maps");

static __always_inline void packet_of(struct packet *p, __u32 number, int family)
{
	p->saddr[0] = number * 2654435761u;
	p->daddr[0] = 7;
	if (family == FAMILY6) {
		p->saddr[1] = p->saddr[2] = number;
		p->saddr[3] = ~number;
		p->daddr[1] = p->daddr[2] = p->daddr[3] = 9;
	}
	p->sport = number;
	p->dport = 80;
	p->protocol = IPPROTO_TCP;
}

static __always_inline void fill(struct weir_connection *c, __u32 number, int family)
{
	struct addresses at = addresses_of(c, family);
	struct packet p = {};

	packet_of(&p, number, family);
	copy_address(at.client, p.saddr, family);
	copy_address(at.virtual_ip, p.daddr, family);
	for (int i = 0; i < (family == FAMILY6 ? 4 : 1); i++)
		at.server[i] = at.server_hop[i] = at.client_hop[i] = number + i;
	c->client_port = c->seen_port = p.sport;
	c->virtual_port = p.dport;
	c->server_port = 8080;
	c->protocol = p.protocol;
	c->server = 0;
	c->service = number;
	c->client_ifindex = c->server_ifindex = number;
	c->last_seen = now_jiffies();
}

static __always_inline bool is_whole(struct weir_connection *c, __u32 number, int family)
{
	struct addresses at = addresses_of(c, family);
	struct packet p = {};

	packet_of(&p, number, family);
	for (int i = 0; i < (family == FAMILY6 ? 4 : 1); i++)
		if (at.server[i] != number + i || at.server_hop[i] != number + i || at.client_hop[i] != number + i)
			return false;
	return same_address(at.client, p.saddr, family) && c->client_port == p.sport && c->service == number &&
	       c->client_ifindex == number && c->server_ifindex == number;
}

/* Inserts the number and answers slot + 1 and generation, or 0. */
static __always_inline __u64 insert(struct table_work *work, __u32 number, __u32 timeout, int family)
{
	struct weir_connection *c;
	__u32 slot, generation;
	enum entry result;

	c = slot_claim(&slot, &generation, family);
	if (!c) {
		work->refused++;
		return 0;
	}
	fill(c, number, family);
	if (!timeout)
		c->last_seen -= 2;
	result = connection_insert(slot, generation, WEIR_STATE_ESTABLISHED, timeout, family);
	if (result == ENTERED) {
		work->inserted++;
		return (__u64)generation << 32 | (slot + 1);
	}
	slot_release(c, slot, generation, family);
	if (result == NO_PLACE)
		work->refused++;
	else
		work->taken++;
	return 0;
}

static __always_inline bool end(__u64 holder, int family)
{
	__u32 slot = (__u32)holder - 1;
	struct weir_connection *c = connection_at(slot, family);
	__u64 word;

	if (!c)
		return false;
	word = READ_ONCE(c->word);
	return is_live(word) && word_generation(word) == (__u32)(holder >> 32) && connection_end(slot, word, family);
}

/* Looks the number up from either side; true if it is there, whole. */
static __always_inline bool look(struct table_work *work, __u32 number, enum direction direction, int family)
{
	struct weir_connection *c;
	struct packet p = {};
	struct found found = {};
	bool whole;

	packet_of(&p, number, family);
	if (direction == OUT) {
		copy_address(p.daddr, p.saddr, family);
		p.dport = p.sport;
		for (int i = 0; i < (family == FAMILY6 ? 4 : 1); i++)
			p.saddr[i] = number + i;
		p.sport = 8080;
	}
	if (!connection_find(&p, direction, family, &found))
		return false;
	c = connection_at(found.slot, family);
	if (!c)
		return false;
	whole = is_whole(c, number, family);
	/* As the packet path does: what was read counts only if the slot still holds the same connection. */
	if (!connection_is_same(c, &found))
		return false;
	if (!whole)
		work->half_read++;
	return true;
}

static __always_inline void work_own(struct table_work *work, __u32 dice, int family)
{
	__u32 number = (work->worker & (WORKERS - 1)) * OWN + dice % OWN;
	struct known *known = bpf_map_lookup_elem(&table_known, &number);
	bool found;

	if (!known)
		return;
	if (dice >> 31) {
		found = look(work, number, dice >> 30 & 1 ? IN : OUT, family);
		if (found)
			work->found++;
		else
			work->absent++;
		if (found && !known->holder)
			work->phantom++;
		if (!found && known->holder)
			work->lost++;
	} else if (known->holder) {
		if (!end(known->holder, family))
			work->lost++;
		known->holder = 0;
		work->removed++;
	} else {
		__u32 taken = work->taken;

		known->holder = insert(work, number, 1000000, family);
		/* Nobody else inserts this one. */
		if (work->taken != taken)
			work->phantom++;
	}
}

static __always_inline void work_shared(struct table_work *work, __u32 dice, int family)
{
	__u32 number = FIRST_SHARED + dice % SHARED;
	struct known *known = bpf_map_lookup_elem(&table_known, &number);
	__u64 holder;

	if (!known)
		return;
	switch (dice >> 30) {
	case 0:
		holder = insert(work, number, 1000000, family);
		if (holder && (__sync_fetch_and_add(&known->live, 1) != 0 ||
			       __sync_lock_test_and_set(&known->holder, holder) != 0))
			work->doubled++;
		break;
	case 1:
		holder = __sync_lock_test_and_set(&known->holder, 0);
		if (!holder)
			break;
		__sync_fetch_and_add(&known->live, -1);
		if (!end(holder, family))
			work->lost++;
		work->removed++;
		break;
	default:
		holder = READ_ONCE(known->holder);
		if (look(work, number, dice >> 29 & 1 ? IN : OUT, family))
			work->found++;
		else if (holder && READ_ONCE(known->holder) == holder)
			work->lost++;
		else
			work->absent++;
	}
}

static __always_inline void work_brief(struct table_work *work, __u32 dice, int family)
{
	__u32 number = FIRST_BRIEF + dice % BRIEF;

	if (dice >> 31) {
		insert(work, number, 0, family);
	} else if (dice >> 30) {
		look(work, number, dice >> 29 & 1 ? IN : OUT, family);
	} else {
		struct sweep sweep = { .now = now_jiffies() };

		sweep_slot(dice >> 3 & 511, &sweep, family);
		work->expired += sweep.expired;
	}
}

__noinline int step_own(__u32 worker, __u32 dice, __u32 family)
{
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (work && family == FAMILY4)
		work_own(work, dice, FAMILY4);
	else if (work)
		work_own(work, dice, FAMILY6);
	return 0;
}

__noinline int step_shared(__u32 worker, __u32 dice, __u32 family)
{
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (work && family == FAMILY4)
		work_shared(work, dice, FAMILY4);
	else if (work)
		work_shared(work, dice, FAMILY6);
	return 0;
}

__noinline int step_brief(__u32 worker, __u32 dice, __u32 family)
{
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (work && family == FAMILY4)
		work_brief(work, dice, FAMILY4);
	else if (work)
		work_brief(work, dice, FAMILY6);
	return 0;
}

struct shift {
	__u32 worker;
	__u32 family;
};

static long work_step(__u32 index, void *context)
{
	__u32 dice = bpf_get_prandom_u32() + index;
	struct shift *shift = context;

	switch (bpf_get_prandom_u32() & 3) {
	case 0:
		step_own(shift->worker, dice, shift->family);
		break;
	case 1:
	case 2:
		step_shared(shift->worker, dice, shift->family);
		break;
	default:
		step_brief(shift->worker, dice, shift->family);
	}
	return 0;
}

SEC("syscall")
int table_work(struct table_work *task)
{
	struct shift shift = { .worker = task->worker, .family = task->family };
	__u32 worker = task->worker, operations = task->operations;
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (!work)
		return 0;
	__builtin_memset(work, 0, sizeof(*work));
	work->worker = worker;
	work->family = task->family;
	work->operations = bpf_loop(operations, work_step, &shift, 0);
	*task = *work;
	return 0;
}

/* Ends everything that any number still holds. */
static long drain_step(__u32 number, void *context)
{
	struct known *known = bpf_map_lookup_elem(&table_known, &number);
	struct shift *shift = context;
	__u32 worker = 0;
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (!known || !known->holder || !work)
		return 0;
	if (!(shift->family == FAMILY4 ? end(known->holder, FAMILY4) : end(known->holder, FAMILY6)))
		work->lost++;
	work->removed++;
	known->holder = 0;
	known->live = 0;
	return 0;
}

SEC("syscall")
int table_drain(struct table_work *task)
{
	struct shift shift = { .family = task->family };
	__u32 worker = 0;
	struct table_work *work = bpf_map_lookup_elem(&table_results, &worker);

	if (!work)
		return 0;
	__builtin_memset(work, 0, sizeof(*work));
	bpf_loop(NUMBERS, drain_step, &shift, 0);
	*task = *work;
	return 0;
}
