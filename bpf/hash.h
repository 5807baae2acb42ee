/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The keyed hash of a flow. Clients choose their ports and may invent their addresses; who does not know the secret
 * cannot tell which flows will meet in a bucket.
 *
 * First NH (Krovetz: RFC 4418, UMAC, 5.2): whatever two flows are chosen without knowing the secret, their sums are equal
 * for at most one secret in 2^32. Then the sum is mixed with secret multipliers, so that what it has of structure does
 * not show in the bits that are used. A few multiplications: SipHash-1-3 took four times as long (docs/decisions/0009).
 */
#ifndef WEIR_HASH_H
#define WEIR_HASH_H

#include "parse.h"

/* One step of NH: two words of the flow, two of the secret. */
static __always_inline __u64 hash_pair(__u32 a, __u32 b, __u64 secret)
{
	return (__u64)(__u32)(a + (__u32)secret) * (__u32)(b + (__u32)(secret >> 32));
}

static __always_inline __u64 flow_hash(const struct weir_settings *set, const struct packet *p, __u32 direction,
				       int family)
{
	__u32 ports = (__u32)p->dport << 16 | p->sport, rest = direction << 8 | p->protocol;
	const __u64 *secret = set->secret;
	__u64 hash;

	if (family == FAMILY4)
		hash = hash_pair(p->saddr[0], p->daddr[0], secret[0]);
	else
		hash = hash_pair(p->saddr[0], p->daddr[0], secret[0]) + hash_pair(p->saddr[1], p->daddr[1], secret[1]) +
		       hash_pair(p->saddr[2], p->daddr[2], secret[2]) + hash_pair(p->saddr[3], p->daddr[3], secret[3]);
	hash += hash_pair(ports, rest, secret[4]);
	hash = (hash ^ hash >> 32) * (secret[5] | 1);
	hash = (hash ^ hash >> 29) * (secret[6] | 1);
	return hash ^ hash >> 32;
}

#endif
