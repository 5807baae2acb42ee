/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A flow → the slot of its connection. Its key stands in one of three buckets (bucket.h), chosen by a keyed hash: at home, in
 * the bucket of its flow's client, address and port. There stand both keys of a connection, so that requests and
 * replies want one line. When that is crowded it stands in one of two that the whole flow chooses, if that is emptier,
 * so that a client of many connections by one port finds as much room as others. A home counts the keys that strayed
 * from it: while there are none, nobody looks elsewhere.
 */
#ifndef WEIR_KEYS_H
#define WEIR_KEYS_H

#include "bucket.h"

/* Keys at home from which on the emptiest bucket is taken. */
#define CROWDED 4

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
