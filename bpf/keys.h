/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A flow → the slot of its connection. Buckets of seven keys, a cache line each; a flow may stand in either of two
 * buckets, which a keyed hash chooses, and stands in the first unless that is crowded and the second emptier. A bucket
 * counts the keys that strayed from it to their second one: while there are none, nobody looks there.
 *
 * A key is one 64-bit word (contract.h), so nobody reads half of one. It is put into an empty place by
 * compare-and-swap, claimed at first, so that nobody finds it; then the one who put it there looks for others of the
 * same flow, and only then publishes it. Of two that look at the same time at least one sees the other: a published
 * key stays, and of two claimed ones that of the lower slot drives out the other. Who was driven out notices when it
 * publishes, which is a compare-and-swap too.
 *
 * A key is deleted before its slot is released, by the one who ended the connection.
 */
#ifndef WEIR_KEYS_H
#define WEIR_KEYS_H

#include "hash.h"
#include "slot.h"

/* Keys in the first bucket from which on the emptier of the two is taken. */
#define CROWDED 4

#define KEY_SLOT_MASK ((1ULL << WEIR_KEY_GENERATION_SHIFT) - 1)
#define KEY_CLAIMED (1ULL << WEIR_KEY_CLAIMED_SHIFT)
#define KEY_PRESENT (1ULL << WEIR_KEY_PRESENT_SHIFT)

/* Where a flow's key may stand, and what its highest bits are. */
struct place {
	__u32 first, second;
	__u64 mark;
};

static __always_inline bool place_of(const struct packet *p, enum direction direction, int family, struct place *place)
{
	struct weir_settings *set = get_settings();
	__u64 hash, buckets;

	if (!set)
		return false;
	buckets = family == FAMILY4 ? set->buckets4 : set->buckets6;
	hash = flow_hash(set, p, direction, family);
	/* The high bits of each half choose a bucket (Lemire: fast random integer generation in an interval). */
	place->first = (hash & 0xffffffff) * buckets >> 32;
	place->second = (hash >> 32) * buckets >> 32;
	place->mark = (hash ^ hash >> 32) << WEIR_KEY_MARK_SHIFT | KEY_PRESENT;
	return true;
}

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

/* Fills `found` only when there is something to find. */
static __always_inline int key_find(const struct packet *p, enum direction direction, struct found *found, int family)
{
	struct weir_bucket *bucket;
	struct place place;

	if (!p || !found || !place_of(p, direction, family, &place))
		return 0;
	bucket = bucket_at(place.first, family);
	if (!bucket)
		return 0;
	if (bucket_find(bucket, p, place.mark, direction, family, found))
		return 1;
	if (!READ_ONCE(bucket->strayed))
		return 0;
	bucket = bucket_at(place.second, family);
	return bucket && bucket_find(bucket, p, place.mark, direction, family, found);
}

__noinline int key_find4(const struct packet *p, __u32 direction, struct found *found)
{
	return key_find(p, direction == IN ? IN : OUT, found, FAMILY4);
}

__noinline int key_find6(const struct packet *p, __u32 direction, struct found *found)
{
	return key_find(p, direction == IN ? IN : OUT, found, FAMILY6);
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

/* True if the key leads to a connection, of whatever state, that the packet belongs to. */
static __always_inline bool is_key_of(__u64 key, const struct packet *p, enum direction direction, int family)
{
	struct weir_connection *connection = connection_at(key_slot(key), family);
	__u64 word;

	if (!connection)
		return false;
	word = READ_ONCE(connection->word);
	return word_state(word) != WEIR_STATE_FREE && word_generation(word) == key_generation(key) &&
	       is_packet_of(p, connection, direction, family);
}

/* Drives out claimed keys of the same flow; 0 when one is there that stays. */
static __always_inline int bucket_contest(const struct packet *p, __u32 index, __u64 own, enum direction direction,
					  int family)
{
	struct weir_bucket *bucket = bucket_at(index, family);

	if (!bucket || !p)
		return 0;
	for (int i = 0; i < WEIR_BUCKET_KEYS; i++) {
		__u64 key = READ_ONCE(bucket->keys[i]), before;

		if (key_mark(key) != key_mark(own) || key == own || !is_key_of(key, p, direction, family))
			continue;
		if (!(key & KEY_CLAIMED) || key_slot(key) < key_slot(own))
			return 0;
		before = __sync_val_compare_and_swap(&bucket->keys[i], key, 0);
		if (before == (key & ~KEY_CLAIMED))
			return 0;
	}
	return 1;
}

__noinline int bucket_contest4(const struct packet *p, __u32 index, __u64 own, __u32 direction)
{
	return bucket_contest(p, index, own, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int bucket_contest6(const struct packet *p, __u32 index, __u64 own, __u32 direction)
{
	return bucket_contest(p, index, own, direction == IN ? IN : OUT, FAMILY6);
}

static __always_inline bool contest(const struct packet *p, __u32 index, __u64 own, enum direction direction, int family)
{
	return family == FAMILY4 ? bucket_contest4(p, index, own, direction) : bucket_contest6(p, index, own, direction);
}

/* True if a key had better stand in the second of its flow's buckets. */
static __always_inline bool prefers_second(const struct weir_bucket *first, __u32 second, int family)
{
	__u32 load = bucket_load(first);
	struct weir_bucket *other;

	if (load < CROWDED)
		return false;
	other = bucket_at(second, family);
	return other && load > bucket_load(other);
}

/* Puts the claimed key into the second bucket, known before to whoever looks into the first. */
static __always_inline __u32 stray(struct weir_bucket *first, __u32 second, __u64 own, int family)
{
	__u32 at;

	__sync_fetch_and_add(&first->strayed, 1);
	at = bucket_claim(second, own, family);
	if (at >= WEIR_BUCKET_KEYS)
		__sync_fetch_and_add(&first->strayed, -1);
	return at;
}

enum insertion { INSERTED, KEY_TAKEN, NO_ROOM };

/* Settles who else wants the flow that `own` was claimed for, and publishes it; else takes it back. */
static __always_inline enum insertion key_publish(const struct packet *p, const struct place *place, __u64 own,
						  bool strayed, __u32 at, enum direction direction, int family)
{
	struct weir_bucket *first = bucket_at(place->first, family), *bucket;

	bucket = strayed ? bucket_at(place->second, family) : first;
	if (!first || !bucket)
		return NO_ROOM;
	/* In this order: who strayed after our claim was counted has looked for us in the first. */
	if (contest(p, place->first, own, direction, family) &&
	    (!READ_ONCE(first->strayed) || contest(p, place->second, own, direction, family))) {
		if (bucket_swap(bucket, at, own, own & ~KEY_CLAIMED))
			return INSERTED;
	} else {
		bucket_swap(bucket, at, own, 0);
	}
	if (strayed)
		__sync_fetch_and_add(&first->strayed, -1);
	return KEY_TAKEN;
}

static __always_inline enum insertion key_enter(const struct packet *p, const struct place *place, __u64 own,
						enum direction direction, int family)
{
	struct weir_bucket *first = bucket_at(place->first, family);
	bool strays = false;
	__u32 at = WEIR_BUCKET_KEYS;

	if (!first)
		return NO_ROOM;
	if (!prefers_second(first, place->second, family))
		at = bucket_claim(place->first, own, family);
	/* A flow whose buckets are one and the same cannot stray: whoever deletes its key could not tell. */
	if (at >= WEIR_BUCKET_KEYS && place->first != place->second) {
		strays = true;
		at = stray(first, place->second, own, family);
	}
	if (at >= WEIR_BUCKET_KEYS)
		return NO_ROOM;
	return key_publish(p, place, own, strays, at, direction, family);
}

static __always_inline int key_insert(__u32 slot, enum direction direction, __u32 generation, int family)
{
	struct weir_connection *connection = connection_at(slot, family);
	struct packet p = {};
	struct place place;

	if (!connection)
		return NO_ROOM;
	flow_of(&p, connection, direction, family);
	if (!place_of(&p, direction, family, &place))
		return NO_ROOM;
	return key_enter(&p, &place, make_key(place.mark, generation, slot) | KEY_CLAIMED, direction, family);
}

__noinline int key_insert4(__u32 slot, __u32 direction, __u32 generation)
{
	return key_insert(slot, direction == IN ? IN : OUT, generation, FAMILY4);
}

__noinline int key_insert6(__u32 slot, __u32 direction, __u32 generation)
{
	return key_insert(slot, direction == IN ? IN : OUT, generation, FAMILY6);
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

/* Deletes the published key of a connection whose word is claimed; 0 if it was not there, which should not be. */
static __always_inline int key_delete(__u32 slot, enum direction direction, __u32 generation, int family)
{
	struct weir_connection *connection = connection_at(slot, family);
	struct weir_bucket *first, *second;
	struct packet p = {};
	struct place place;
	__u64 key;

	if (!connection)
		return 0;
	flow_of(&p, connection, direction, family);
	if (!place_of(&p, direction, family, &place))
		return 0;
	key = make_key(place.mark, generation, slot);
	first = bucket_at(place.first, family);
	if (!first || bucket_delete(first, key))
		return first != 0;
	second = bucket_at(place.second, family);
	if (!second || !bucket_delete(second, key))
		return 0;
	__sync_fetch_and_add(&first->strayed, -1);
	return 1;
}

__noinline int key_delete4(__u32 slot, __u32 direction, __u32 generation)
{
	return key_delete(slot, direction == IN ? IN : OUT, generation, FAMILY4);
}

__noinline int key_delete6(__u32 slot, __u32 direction, __u32 generation)
{
	return key_delete(slot, direction == IN ? IN : OUT, generation, FAMILY6);
}

#endif
