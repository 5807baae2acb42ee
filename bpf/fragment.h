/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fragments. Only a datagram's first has ports: it goes its connection's way as a whole packet would, and what became
 * of it is kept by source, target and identification, so that the later ones share its fate.
 *
 * A later one that comes before the first is held: its bytes are copied into a map, for a program cannot keep a packet.
 * When the first comes, it is made to arrive once more at the same interface, and after it those that have waited for
 * it; then all are in order. Both maps drive out what has been used least lately, so they are bounded.
 */
#ifndef WEIR_FRAGMENT_H
#define WEIR_FRAGMENT_H

#include "one_packet.h"

#define HELD_MOST 64 /* fragments of a datagram that may wait: 65,535 bytes in pieces of 1,024 */

static __always_inline void fragment_key(struct weir_fragment_key *key, const __u32 *source, const __u32 *target,
					 const struct packet *packet, __u8 way, int family)
{
	copy_address(key->source, source, family);
	copy_address(key->target, target, family);
	key->id = packet->id;
	/* An IPv6 datagram is known by its identification alone (RFC 8200, 4.5). */
	key->protocol = family == FAMILY4 ? packet->protocol : 0;
	key->family = family;
	key->way = way;
}

static __always_inline __u8 way_from(enum direction direction)
{
	return direction == IN ? WEIR_FRAGMENT_FROM_PUBLIC : WEIR_FRAGMENT_FROM_PRIVATE;
}

static __always_inline bool is_recent(__u32 since)
{
	struct weir_settings *set = get_settings();

	return set && now_jiffies() - since <= set->fragment_time;
}

static __always_inline struct weir_fragment *fragment_find(const struct weir_fragment_key *key)
{
	struct weir_fragment *entry = bpf_map_lookup_elem(&fragments, key);

	return entry && is_recent(entry->since) ? entry : 0;
}

/* Copies a frame into `held`, under the number that the key gets. */
static __always_inline bool hold(struct __sk_buff *skb, struct weir_fragment_key *key)
{
	__u32 none = 0, length = skb->len, number;
	struct weir_held *copy = bpf_map_lookup_elem(&holding, &none);
	struct weir_fragment fresh = { .since = now_jiffies(), .fate = WEIR_FRAGMENT_WAITS }, *entry;

	if (!copy || length < ETH_HLEN || length > WEIR_HELD_BYTES || bpf_skb_load_bytes(skb, 0, copy->bytes, length))
		return false;
	entry = bpf_map_lookup_elem(&fragments, key);
	if (!entry || !is_recent(entry->since)) {
		bpf_map_update_elem(&fragments, key, &fresh, entry ? BPF_ANY : BPF_NOEXIST);
		entry = bpf_map_lookup_elem(&fragments, key);
	}
	if (!entry)
		return false;
	number = __sync_fetch_and_add(&entry->held, 1);
	if (number >= HELD_MOST)
		return false;
	copy->since = fresh.since;
	copy->length = length;
	key->number = number;
	return !bpf_map_update_elem(&held, key, copy, BPF_ANY);
}

/* Turns the packet into a held one and has it arrive. Whoever deletes it from the map has it; nobody sends half of two. */
__noinline int send_held(struct __sk_buff *skb, const struct weir_fragment_key *key)
{
	struct weir_fragment_key numbered;
	struct weir_held *copy;
	__u32 length;

	if (!key)
		return 0;
	numbered = *key;
	copy = bpf_map_lookup_elem(&held, &numbered);
	if (!copy || !is_recent(copy->since))
		return 0;
	length = copy->length;
	if (length < ETH_HLEN || length > WEIR_HELD_BYTES || bpf_skb_change_tail(skb, length, 0) ||
	    bpf_skb_store_bytes(skb, 0, copy->bytes, length, BPF_F_RECOMPUTE_CSUM) ||
	    bpf_map_delete_elem(&held, &numbered))
		return 0;
	return !bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
}

/* If fragments wait for this first one: has all of them arrive after it, and answers true. */
static __always_inline bool release(struct __sk_buff *skb, struct weir_fragment_key *key)
{
	struct weir_fragment *entry = fragment_find(key);
	__u32 count;

	if (!entry || entry->fate != WEIR_FRAGMENT_WAITS)
		return false;
	count = entry->held;
	if (bpf_map_delete_elem(&fragments, key))
		return false;
	bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
	for (__u32 i = 0; i < HELD_MOST && i < count; i++) {
		key->number = i;
		send_held(skb, key);
	}
	return true;
}

/* Whether the packet, as it comes from the given side, has the connection's addresses. */
static __always_inline bool has_addresses_of(const struct packet *packet, struct weir_connection *connection,
					     enum direction direction, int family)
{
	struct addresses at = addresses_of(connection, family);

	return packet->protocol == connection->protocol &&
	       same_address(packet->saddr, direction == IN ? at.client : at.server, family) &&
	       same_address(packet->daddr, direction == IN ? at.virtual_ip : at.client, family);
}

/*
 * The connection that an entry leads to, for a packet of those addresses in direction `to`; LEAVING is one of them. An entry may
 * be reused while it is read.
 */
static __always_inline bool fragment_connection(struct __sk_buff *skb, const struct weir_fragment *entry,
						const struct packet *packet, __u32 to, struct found *found, int family)
{
	enum direction direction = to == IN ? IN : OUT;
	struct weir_connection *connection;
	__u32 generation = entry->generation;

	found->slot = entry->slot;
	found->left = entry->cut ? LEFT_TO_BE_CUT : STILL_HERE;
	if (found->slot == WEIR_ONE_PACKET_SLOT)
		return one_packet_open(skb, packet, found, generation, to, family);
	connection = connection_at(found->slot, family);
	if (!connection)
		return false;
	found->word = READ_ONCE(connection->word);
	return is_live(found->word) && word_generation(found->word) == generation &&
	       has_addresses_of(packet, connection, direction, family);
}

/* A later fragment: answers 0 with the connection to follow, or what is to become of it. */
static __always_inline int share_fate(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				      struct weir_fragment_key *key, enum direction direction, int family)
{
	struct weir_fragment *entry = fragment_find(key);

	if (!entry || entry->fate == WEIR_FRAGMENT_WAITS) {
		if (!hold(skb, key))
			return drop(WEIR_VERDICT_FRAGMENT_DROPPED);
		/* The first may have come meanwhile, on another CPU: then nobody else will look for this one. */
		struct weir_fragment_key numbered = *key;

		key->number = 0;
		entry = fragment_find(key);
		if (!entry || entry->fate == WEIR_FRAGMENT_WAITS || bpf_map_delete_elem(&held, &numbered))
			return drop(WEIR_VERDICT_FRAGMENT_HELD);
	}
	if (entry->fate == WEIR_FRAGMENT_PASSES)
		return pass(WEIR_VERDICT_FRAGMENT);
	if (entry->fate != WEIR_FRAGMENT_FOLLOWS || !fragment_connection(skb, entry, packet, direction, found, family) ||
	    connection_expired(found, family))
		return drop(WEIR_VERDICT_FRAGMENT_DROPPED);
	return 0;
}

/*
 * A fragment arrives. 0: it is a first one and to be treated as a whole packet; or a later one, and `found` is where
 * its first went. Anything else is what is to become of it.
 */
static __always_inline int fragment_arrives(struct __sk_buff *skb, const struct packet *packet, struct found *found,
					    enum direction direction, int family)
{
	struct weir_fragment_key key = {};

	if (!packet || !found)
		return TCX_DROP;
	fragment_key(&key, packet->saddr, packet->daddr, packet, way_from(direction), family);
	if (packet->fragment == LATER_FRAGMENT)
		return share_fate(skb, packet, found, &key, direction, family);
	return release(skb, &key) ? TCX_DROP : 0;
}

__noinline int fragment_arrives4(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				 __u32 direction)
{
	return fragment_arrives(skb, packet, found, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int fragment_arrives6(struct __sk_buff *skb, const struct packet *packet, struct found *found,
				 __u32 direction)
{
	return fragment_arrives(skb, packet, found, direction == IN ? IN : OUT, FAMILY6);
}

/* Keeps what has become of a first fragment; if it was forwarded, also for errors that quote what has left. */
static __always_inline int fragment_leaves(const struct packet *packet, const struct found *found, int action,
					   enum direction direction, int family)
{
	struct weir_fragment entry = { .since = now_jiffies() };
	struct weir_fragment_key key = {};
	struct weir_connection *connection;
	struct addresses at;

	if (!packet || !found)
		return 0;
	fragment_key(&key, packet->saddr, packet->daddr, packet, way_from(direction), family);
	entry.fate = action == TCX_NEXT ? WEIR_FRAGMENT_PASSES : WEIR_FRAGMENT_FALLS;
	connection = connection_at(found->slot, family);
	if (found->left != STILL_HERE && connection) {
		entry.fate = WEIR_FRAGMENT_FOLLOWS;
		entry.slot = is_one_packet(found) ? WEIR_ONE_PACKET_SLOT : found->slot;
		entry.generation = is_one_packet(found) ? connection->server : word_generation(found->word);
		entry.cut = found->left == LEFT_TO_BE_CUT;
	}
	bpf_map_update_elem(&fragments, &key, &entry, BPF_ANY);
	if (entry.fate != WEIR_FRAGMENT_FOLLOWS || !connection)
		return 0;
	at = addresses_of(connection, family);
	fragment_key(&key, direction == IN ? packet->saddr : at.virtual_ip, direction == IN ? at.server : packet->daddr,
		     packet, direction == IN ? WEIR_FRAGMENT_TO_PRIVATE : WEIR_FRAGMENT_TO_PUBLIC, family);
	if (connection_is_same(connection, found))
		bpf_map_update_elem(&fragments, &key, &entry, BPF_ANY);
	return 0;
}

__noinline int fragment_leaves4(const struct packet *packet, const struct found *found, int action, __u32 direction)
{
	return fragment_leaves(packet, found, action, direction == IN ? IN : OUT, FAMILY4);
}

__noinline int fragment_leaves6(const struct packet *packet, const struct found *found, int action, __u32 direction)
{
	return fragment_leaves(packet, found, action, direction == IN ? IN : OUT, FAMILY6);
}

/*
 * The connection of a later fragment that an error quotes, which comes from the side that the fragment left by;
 * `answer` is what an answer to the fragment would look like.
 */
static __always_inline bool fragment_quoted(struct __sk_buff *skb, const struct packet *answer, __u32 direction,
					    struct found *found, int family)
{
	__u8 way = direction == IN ? WEIR_FRAGMENT_TO_PUBLIC : WEIR_FRAGMENT_TO_PRIVATE;
	struct weir_fragment_key key = {};
	struct weir_fragment *entry;

	fragment_key(&key, answer->daddr, answer->saddr, answer, way, family);
	entry = fragment_find(&key);
	return entry && fragment_connection(skb, entry, answer, direction, found, family);
}

#endif
