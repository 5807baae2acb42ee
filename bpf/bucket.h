/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A bucket: seven keys of flows in a cache line, and a count of those that strayed from it. Who puts a key in, keeps it there
 * and takes it out.
 *
 * A key is one 64-bit word (contract.h), so nobody reads half of one. It is put into an empty place by
 * compare-and-swap, claimed at first, so that nobody finds it; then the one who put it there looks for others of the
 * same flow, and only then publishes it. Of two that look at the same time at least one sees the other: a published
 * key stays, and of two claimed ones that of the lower slot drives out the other. Who was driven out notices when it
 * publishes, which is a compare-and-swap too.
 *
 * A key is deleted before its slot is released, by the one who ended the connection.
 */
#ifndef WEIR_BUCKET_H
#define WEIR_BUCKET_H

#include "slot.h"

#define KEY_SLOT_MASK ((1ULL << WEIR_KEY_GENERATION_SHIFT) - 1)
#define KEY_CLAIMED (1ULL << WEIR_KEY_CLAIMED_SHIFT)
#define KEY_PRESENT (1ULL << WEIR_KEY_PRESENT_SHIFT)

static __always_inline struct weir_bucket *bucket_at(__u32 index, int family)
{
	return family == FAMILY4 ? bpf_map_lookup_elem(&keys4, &index) : bpf_map_lookup_elem(&keys6, &index);
}

/* What is left of a key when slot, generation and the claim are taken off. */
static __always_inline __u64 key_mark(__u64 key)
{
	return key >> WEIR_KEY_PRESENT_SHIFT;
}

static __always_inline __u32 key_slot(__u64 key)
{
	return key & KEY_SLOT_MASK;
}

static __always_inline __u32 key_generation(__u64 key)
{
	return key >> WEIR_KEY_GENERATION_SHIFT & GENERATION_MASK;
}

static __always_inline __u64 make_key(__u64 mark, __u32 generation, __u32 slot)
{
	return mark | (__u64)(generation & GENERATION_MASK) << WEIR_KEY_GENERATION_SHIFT | slot;
}

static __always_inline bool bucket_find(struct weir_bucket *bucket, const struct packet *p, __u64 mark,
					enum direction direction, int family, struct found *found)
{
	for (int i = 0; i < WEIR_BUCKET_KEYS; i++) {
		struct weir_connection *connection;
		__u64 key = READ_ONCE(bucket->keys[i]), word;

		/* One comparison: the same mark, present, and not claimed. */
		if (key >> WEIR_KEY_CLAIMED_SHIFT != mark >> WEIR_KEY_CLAIMED_SHIFT)
			continue;
		connection = connection_at(key_slot(key), family);
		if (!connection)
			continue;
		word = READ_ONCE(connection->word);
		if (is_live(word) && word_generation(word) == key_generation(key) &&
		    is_packet_of(p, connection, direction, family)) {
			found->slot = key_slot(key);
			found->word = word;
			return true;
		}
	}
	return false;
}

/* Verified by itself, with a stack of its own: few packets come here. */
__noinline int bucket_find_in4(const struct packet *p, __u32 index, __u64 mark, __u32 direction, struct found *found)
{
	struct weir_bucket *bucket = bucket_at(index, FAMILY4);

	return p && found && bucket && bucket_find(bucket, p, mark, direction == IN ? IN : OUT, FAMILY4, found);
}

__noinline int bucket_find_in6(const struct packet *p, __u32 index, __u64 mark, __u32 direction, struct found *found)
{
	struct weir_bucket *bucket = bucket_at(index, FAMILY6);

	return p && found && bucket && bucket_find(bucket, p, mark, direction == IN ? IN : OUT, FAMILY6, found);
}

/* How many places of the bucket are taken. */
static __always_inline __u32 bucket_load(const struct weir_bucket *bucket)
{
	__u64 load = 0;

	for (int i = 0; i < WEIR_BUCKET_KEYS; i++) {
		__u64 key = READ_ONCE(bucket->keys[i]), taken = key | -key;

		/* Without a branch, of which the verifier would follow both ways eight times over. */
		barrier_var(taken);
		load += taken >> 63;
	}
	return load;
}

/* Puts the key into an empty place of the bucket and answers which; WEIR_BUCKET_KEYS when there is none. */
__noinline int bucket_claim(__u32 index, __u64 key, __u32 family)
{
	struct weir_bucket *bucket = bucket_at(index, family == FAMILY6 ? FAMILY6 : FAMILY4);
	int i;

	for (i = 0; bucket && i < WEIR_BUCKET_KEYS; i++)
		if (READ_ONCE(bucket->keys[i]) == 0 && __sync_val_compare_and_swap(&bucket->keys[i], 0, key) == 0)
			return i;
	return WEIR_BUCKET_KEYS;
}

/* Changes the key at a place by compare-and-swap; false when it was another. */
static __always_inline bool bucket_swap(struct weir_bucket *bucket, __u32 at, __u64 before, __u64 after)
{
	return at < WEIR_BUCKET_KEYS && __sync_val_compare_and_swap(&bucket->keys[at], before, after) == before;
}

/* True if the key leads to a connection, of whatever state, that has the same flow. */
static __always_inline bool is_key_of(__u64 key, struct weir_connection *own, enum direction direction, int family)
{
	struct weir_connection *its = connection_at(key_slot(key), family);
	__u64 word;

	if (!its)
		return false;
	word = READ_ONCE(its->word);
	return word_state(word) != WEIR_STATE_FREE && word_generation(word) == key_generation(key) &&
	       is_same_flow(its, own, direction, family);
}

/* Drives out claimed keys of the same flow; 0 when one is there that stays. */
static __always_inline int bucket_contest(__u32 index, __u64 own, enum direction direction, int family)
{
	struct weir_connection *connection = connection_at(key_slot(own), family);
	struct weir_bucket *bucket = bucket_at(index, family);

	if (!bucket || !connection)
		return 0;
	for (int i = 0; i < WEIR_BUCKET_KEYS; i++) {
		__u64 key = READ_ONCE(bucket->keys[i]), before;

		if (key_mark(key) != key_mark(own) || key == own || !is_key_of(key, connection, direction, family))
			continue;
		if (!(key & KEY_CLAIMED) || key_slot(key) < key_slot(own))
			return 0;
		before = __sync_val_compare_and_swap(&bucket->keys[i], key, 0);
		if (before == (key & ~KEY_CLAIMED))
			return 0;
	}
	return 1;
}

__noinline int bucket_contest4(__u32 index, __u64 own, __u32 direction)
{
	return bucket_contest(index, own, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int bucket_contest6(__u32 index, __u64 own, __u32 direction)
{
	return bucket_contest(index, own, direction == IN ? IN : OUT, FAMILY6);
}

static __always_inline bool contest(__u32 index, __u64 own, enum direction direction, int family)
{
	return family == FAMILY4 ? bucket_contest4(index, own, direction) : bucket_contest6(index, own, direction);
}

/* The emptier of two buckets. */
static __always_inline __u32 emptier(__u32 index, __u32 other, int family)
{
	struct weir_bucket *bucket = bucket_at(index, family), *rival = bucket_at(other, family);

	return bucket && rival && bucket_load(rival) < bucket_load(bucket) ? other : index;
}

static __always_inline bool bucket_delete(struct weir_bucket *bucket, __u64 key)
{
	for (int i = 0; i < WEIR_BUCKET_KEYS; i++)
		if (READ_ONCE(bucket->keys[i]) == key) {
			/* A published key is changed by nobody but the one who deletes it. */
			WRITE_ONCE(bucket->keys[i], 0);
			return true;
		}
	return false;
}

#endif
