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

#include "state.h"

/* One step of NH: two words of the flow, two of the secret. */
static __always_inline __u64 hash_pair(__u32 a, __u32 b, __u64 secret)
{
	return (__u64)(__u32)(a + (__u32)secret) * (__u32)(b + (__u32)(secret >> 32));
}

/* A flow, wherever it is written: its client's end, and the other one, of the VIP or of the server. */
struct flow {
	const __u32 *client, *other;
	__u16 client_port, other_port;
	__u8 protocol;
};

/* Of a flow: of its client's end alone, and of all of it. */
struct hashes {
	__u64 client, flow;
};

/* NH of an end: one step for IPv4, three for IPv6. */
static __always_inline __u64 hash_end(const __u32 *address, __u16 port, __u32 more, const __u64 *secret, int family)
{
	__u32 rest = (__u32)port << 16 | more;

	if (family == FAMILY4)
		return hash_pair(address[0], rest, secret[0]);
	return hash_pair(address[0], address[1], secret[0]) + hash_pair(address[2], address[3], secret[1]) +
	       hash_pair(rest, 0, secret[2]);
}

static __always_inline __u64 hash_mix(const struct weir_settings *set, __u64 sum)
{
	sum = (sum ^ sum >> 32) * (set->secret[6] | 1);
	sum = (sum ^ sum >> 29) * (set->secret[7] | 1);
	return sum ^ sum >> 32;
}

static __always_inline struct hashes flow_hashes(const struct weir_settings *set, const struct flow *flow,
						 enum direction direction, int family)
{
	__u64 sum = hash_end(flow->client, flow->client_port, flow->protocol, set->secret, family);
	struct hashes hashes = { .client = hash_mix(set, sum) };

	sum += hash_end(flow->other, flow->other_port, direction, set->secret + 3, family);
	hashes.flow = hash_mix(set, sum);
	/* Here and not where it is wanted: what it is made of would be kept on the stack until then. */
	barrier_var(hashes.flow);
	return hashes;
}

#endif
