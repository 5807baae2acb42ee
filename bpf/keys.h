/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A flow → the slot of its connection. Buckets of seven keys, a cache line each, chosen by a keyed hash. A key stands at
 * home, in the bucket of its flow's client, address and port: there stand both keys of a connection, so that requests and
 * replies want one line. When that is crowded it stands in one of two that the whole flow chooses, if that is emptier,
 * so that a client of many connections by one port finds as much room as others. A home counts the keys that strayed
 * from it: while there are none, nobody looks elsewhere.
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

#include "slot.h"

/* Keys at home from which on the emptiest bucket is taken. */
#define CROWDED 4

#define KEY_SLOT_MASK ((1ULL << WEIR_KEY_GENERATION_SHIFT) - 1)
#define KEY_CLAIMED (1ULL << WEIR_KEY_CLAIMED_SHIFT)
#define KEY_PRESENT (1ULL << WEIR_KEY_PRESENT_SHIFT)

/* Where a flow's key may stand: at home, and in two buckets that its hash chooses. */
struct place {
	__u64 hash;
	__u32 home;
	__u32 buckets;
};

/* The high bits of half a hash choose a bucket (Lemire: fast random integer generation in an interval). */
static __always_inline __u32 choose_bucket(__u32 hash, __u32 buckets)
{
	return (__u64)hash * buckets >> 32;
}

static __always_inline __u32 away(const struct place *place, int which)
{
	return choose_bucket(place->hash >> (which ? 32 : 0), place->buckets);
}

/* The highest bits of the flow's key. A connection's two may stand side by side: nobody must take one for the other. */
static __always_inline __u64 mark_of(const struct place *place, enum direction direction)
{
	return (place->hash ^ place->hash >> 32) << WEIR_KEY_MARK_SHIFT |
	       (__u64)(direction == OUT) << WEIR_KEY_REPLY_SHIFT | KEY_PRESENT;
}

static __always_inline bool place_of(const struct flow *flow, enum direction direction, int family, struct place *place)
{
	struct weir_settings *set = get_settings();
	struct hashes hashes;

	if (!set)
		return false;
	hashes = flow_hashes(set, flow, direction, family);
	place->buckets = family == FAMILY4 ? set->buckets4 : set->buckets6;
	place->home = choose_bucket(hashes.client, place->buckets);
	place->hash = hashes.flow;
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

static __always_inline int find_away(const struct packet *p, const struct place *place, int which,
				     enum direction direction, int family, struct found *found)
{
	__u32 index = away(place, which);
	__u64 mark = mark_of(place, direction);

	return family == FAMILY4 ? bucket_find_in4(p, index, mark, direction, found)
				 : bucket_find_in6(p, index, mark, direction, found);
}

/* Fills `found` only when there is something to find. */
static __always_inline int key_find(const struct packet *p, enum direction direction, struct found *found, int family)
{
	struct weir_bucket *home;
	struct place place;
	struct flow flow;

	if (!p || !found)
		return 0;
	flow = flow_of_packet(p, direction);
	if (!place_of(&flow, direction, family, &place))
		return 0;
	home = bucket_at(place.home, family);
	if (!home)
		return 0;
	if (bucket_find(home, p, mark_of(&place, direction), direction, family, found))
		return 1;
	if (!READ_ONCE(home->strayed))
		return 0;
	return find_away(p, &place, 0, direction, family, found) || find_away(p, &place, 1, direction, family, found);
}

/* One for each side, as every packet of a connection comes here. */
__noinline int key_find_in4(const struct packet *p, struct found *found)
{
	return key_find(p, IN, found, FAMILY4);
}

__noinline int key_find_in6(const struct packet *p, struct found *found)
{
	return key_find(p, IN, found, FAMILY6);
}

__noinline int key_find_out4(const struct packet *p, struct found *found)
{
	return key_find(p, OUT, found, FAMILY4);
}

__noinline int key_find_out6(const struct packet *p, struct found *found)
{
	return key_find(p, OUT, found, FAMILY6);
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

/* Where a key had better stand. Where it stands at home it has not strayed, whichever way it came there. */
static __always_inline __u32 best_bucket(const struct place *place, const struct weir_bucket *home, int family)
{
	if (bucket_load(home) < CROWDED)
		return place->home;
	return emptier(place->home, emptier(away(place, 0), away(place, 1), family), family);
}

/* Puts the claimed key into another bucket than its home, known before to whoever looks there. */
static __always_inline __u32 stray(struct weir_bucket *home, __u32 index, __u64 own, int family)
{
	__u32 at;

	__sync_fetch_and_add(&home->strayed, 1);
	at = bucket_claim(index, own, family);
	if (at >= WEIR_BUCKET_KEYS)
		__sync_fetch_and_add(&home->strayed, -1);
	return at;
}

enum insertion { INSERTED, KEY_TAKEN, NO_ROOM };

/* Drives out who else wants the flow, wherever it may stand; false when one is there that stays. */
static __always_inline bool contest_all(const struct place *place, struct weir_bucket *home, __u64 own,
					enum direction direction, int family)
{
	/* In this order: who strayed after our claim was counted has looked for us at home. */
	if (!contest(place->home, own, direction, family))
		return false;
	return !READ_ONCE(home->strayed) || (contest(away(place, 0), own, direction, family) &&
					     contest(away(place, 1), own, direction, family));
}

static __always_inline enum insertion key_enter(const struct place *place, __u64 own, enum direction direction,
						int family)
{
	struct weir_bucket *home = bucket_at(place->home, family), *bucket;
	__u32 at, index;

	if (!home)
		return NO_ROOM;
	index = best_bucket(place, home, family);
	at = index == place->home ? bucket_claim(index, own, family) : stray(home, index, own, family);
	bucket = bucket_at(index, family);
	if (at >= WEIR_BUCKET_KEYS || !bucket)
		return NO_ROOM;
	if (contest_all(place, home, own, direction, family)) {
		if (bucket_swap(bucket, at, own, own & ~KEY_CLAIMED))
			return INSERTED;
	} else {
		bucket_swap(bucket, at, own, 0);
	}
	if (index != place->home)
		__sync_fetch_and_add(&home->strayed, -1);
	return KEY_TAKEN;
}

static __always_inline int key_insert(__u32 slot, enum direction direction, __u32 generation, int family)
{
	struct weir_connection *connection = connection_at(slot, family);
	struct place place;
	struct flow flow;

	if (!connection)
		return NO_ROOM;
	flow = flow_of_slot(connection, direction, family);
	if (!place_of(&flow, direction, family, &place))
		return NO_ROOM;
	return key_enter(&place, make_key(mark_of(&place, direction), generation, slot) | KEY_CLAIMED, direction, family);
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
	struct weir_bucket *home, *elsewhere;
	struct place place;
	struct flow flow;
	__u64 key;

	if (!connection)
		return 0;
	flow = flow_of_slot(connection, direction, family);
	if (!place_of(&flow, direction, family, &place))
		return 0;
	key = make_key(mark_of(&place, direction), generation, slot);
	home = bucket_at(place.home, family);
	if (!home || bucket_delete(home, key))
		return home != 0;
	for (int i = 0; i < 2; i++) {
		elsewhere = bucket_at(away(&place, i), family);
		if (elsewhere && bucket_delete(elsewhere, key)) {
			__sync_fetch_and_add(&home->strayed, -1);
			return 1;
		}
	}
	return 0;
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
