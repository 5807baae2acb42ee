/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * sh, dh and mh: a hash of the client's or the destination's address, and a look into the table that user space has made
 * (src/core/schedule/table.ts). A server of weight 0 has places there and gets no connections, and nor does one that is
 * overloaded: then nobody does, unless the service has the fallback flag.
 */
#ifndef WEIR_SCHEDULE_TABLE_H
#define WEIR_SCHEDULE_TABLE_H

#include "least.h"
#include "../parse.h"

/* sh and dh have as many buckets as 8 bits number; their table is one repetition of a pattern, of any shorter length. */
#define BUCKET_BITS 8
#define BUCKETS (1 << BUCKET_BITS)

/* The key of mh's hash, twice the same word, as in ip_vs. */
#define MH_KEY 2654435761ULL

/* An address as one number; an IPv4 one is followed by zeroes. */
static __always_inline __u32 fold_address(const __u32 *address)
{
	return bpf_ntohl(address[0] ^ address[1] ^ address[2] ^ address[3]);
}

/* hash_32 of include/linux/hash.h, 8 bits of it. */
static __always_inline __u32 hash_bucket(__u32 value)
{
	return value * 0x61c88647U >> (32 - BUCKET_BITS);
}

static __always_inline __u64 rotate_left(__u64 word, __u32 by)
{
	return word << by | word >> (64 - by);
}

struct sip {
	__u64 v0, v1, v2, v3;
};

static __always_inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

/* hsiphash of one word on a 64-bit kernel: SipHash-1-3 (Aumasson and Bernstein), the lower half of its output. */
static __always_inline __u32 hsiphash(__u32 value)
{
	struct sip s = {
		.v0 = 0x736f6d6570736575ULL ^ MH_KEY,
		.v1 = 0x646f72616e646f6dULL ^ MH_KEY,
		.v2 = 0x6c7967656e657261ULL ^ MH_KEY,
		.v3 = 0x7465646279746573ULL ^ MH_KEY,
	};
	__u64 block = 4ULL << 56 | value;

	s.v3 ^= block;
	sip_round(&s);
	s.v0 ^= block;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* A search through the table, from the place that the client's address leads to. */
struct search {
	__u32 ring;
	__u32 length;
	__u32 eligible;
	__u32 hash;   /* sh: the client's bucket; mh: the number that is hashed with the offset */
	__u32 home;   /* offset of the first look */
	__u32 found;
	__u32 maglev; /* 1 for mh */
	__u32 members; /* the service's first */
	__u32 limited; /* 1 when servers have thresholds */
};

/* The member at `index` of the table, modulo its length; NO_MEMBER when it gets no connections. */
static __always_inline __u32 member_at(const struct search *search, __u32 index)
{
	struct weir_turns *places;
	__u32 at, member;

	if (search->length == 0)
		return NO_MEMBER;
	index %= search->length;
	at = search->ring + index / 4;
	places = bpf_map_lookup_elem(&rings, &at);
	if (!places)
		return NO_MEMBER;
	member = places->member[index & 3];
	if (member >= search->eligible || (search->limited && is_member_overloaded(search->members + member)))
		return NO_MEMBER;
	return member;
}

static __always_inline __u32 index_of(const struct search *search, __u32 offset)
{
	return search->maglev ? hsiphash(search->hash + offset) : (search->hash + offset) % BUCKETS;
}

/* As in ip_vs the offsets begin at the first bucket's own number, so the second look is not at its neighbour. */
static long search_step(__u32 offset, void *context)
{
	struct search *search = context;
	__u32 size = search->maglev ? search->length : BUCKETS;

	if (size == 0)
		return 1;
	search->found = member_at(search, index_of(search, (offset + search->home) % size));
	return search->found != NO_MEMBER;
}

static __always_inline __u32 search_table(const struct weir_service *service, struct search *search)
{
	__u32 index = index_of(search, 0);

	search->found = member_at(search, index);
	if (search->found != NO_MEMBER || search->length == 0 ||
	    !(service->scheduler_flags & WEIR_SCHEDULER_FLAG_FALLBACK))
		return search->found;
	search->home = search->maglev ? index % search->length : index;
	bpf_loop(search->maglev ? search->length : BUCKETS, search_step, search, 0);
	return search->found;
}

static __always_inline __u32 schedule_table(const struct weir_service *service, const struct packet *packet)
{
	__u32 source = fold_address(packet->saddr);
	struct search search = {
		.ring = service->ring,
		.length = service->ring_length,
		.eligible = service->eligible,
		.maglev = service->scheduler == WEIR_SCHEDULER_MH,
		.members = service->members,
		.limited = has_thresholds(service),
	};

	if (service->scheduler_flags & WEIR_SCHEDULER_FLAG_PORT)
		source += bpf_ntohs(packet->sport);
	if (service->scheduler == WEIR_SCHEDULER_DH)
		search.hash = hash_bucket(fold_address(packet->daddr));
	else
		search.hash = search.maglev ? source : hash_bucket(source);
	return search_table(service, &search);
}

#endif
