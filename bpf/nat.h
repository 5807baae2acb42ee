/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rewriting: one address, one port (seldom two), TTL, checksums.
 *
 * The IP header and the ports are written in place. The transport checksum goes through the kernel's helper, which
 * alone knows whether the skb carries a full checksum, a partial one for the card to finish, or a sum of the whole
 * packet: addresses count in the pseudo-header (BPF_F_PSEUDO_HDR), ports do not.
 */
#ifndef WEIR_NAT_H
#define WEIR_NAT_H

#include "connection.h"

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ULL << 7) /* Linux 6.16: an IPv6 address has no header checksum to cancel out against */
#endif

/* What a packet becomes. `source`: the address that changes is the source's. */
struct rewrite {
	__u32 address[4];
	__u16 sport;
	__u16 dport;
	bool source;
	__u8 hops; /* to take off the TTL: 1, or 0 where the stack does it */
};

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Header checksum after some 32-bit and 16-bit words have changed (RFC 1624, eqn. 3). */
static __always_inline void write_header4(struct iphdr *ip, const struct rewrite *rewrite)
{
	__u32 before = rewrite->source ? ip->saddr : ip->daddr, after = rewrite->address[0];
	__u16 *ttl_word = (__u16 *)&ip->ttl, old_ttl = *ttl_word;
	__u64 sum;

	ip->ttl -= rewrite->hops;
	sum = (__u16)~ip->check;
	sum += (__u32)~before;
	sum += after;
	sum += (__u16)~old_ttl;
	sum += *ttl_word;
	ip->check = ~fold(sum);
	if (rewrite->source)
		ip->saddr = after;
	else
		ip->daddr = after;
}

/* The difference that changing one address by the other makes to a sum. */
static __always_inline __u32 difference6(const __u32 *before, const __u32 *after)
{
	__u64 sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (__u64)(__u32)~before[i] + after[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

static __always_inline bool write_ports(struct __sk_buff *skb, const struct packet *packet,
					const struct rewrite *rewrite, bool *has_checksum)
{
	void *end = (void *)(long)skb->data_end;
	__u32 offset = packet->transport;
	struct udphdr *udp;

	if (offset > TRANSPORT_MOST)
		return false;
	udp = (void *)(long)skb->data + offset;
	if ((void *)(udp + 1) > end)
		return false;
	/* UDP over IPv4 may do without (RFC 768); TCP may not. */
	*has_checksum = packet->protocol == IPPROTO_TCP || udp->check != 0;
	udp->source = rewrite->sport;
	udp->dest = rewrite->dport;
	return true;
}

static __always_inline bool rewrite_packet(struct __sk_buff *skb, const struct packet *packet,
					   const struct rewrite *rewrite, int family)
{
	const __u32 *before = rewrite->source ? packet->saddr : packet->daddr;
	__u32 old_ports = (__u32)packet->dport << 16 | packet->sport;
	__u32 new_ports = (__u32)rewrite->dport << 16 | rewrite->sport;
	__u32 at = packet->transport + (packet->protocol == IPPROTO_TCP ? 16 : 6);
	__u64 flags = packet->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	bool has_checksum;

	if (family == FAMILY4) {
		struct iphdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > end)
			return false;
		write_header4(ip, rewrite);
	} else {
		struct ipv6hdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > end)
			return false;
		/* No header checksum makes up for this in a sum that the card took over the whole packet. The hop limit
		 * is the second byte of its word. */
		ip->hop_limit -= rewrite->hops;
		bpf_csum_update(skb, (__u32)(__u16)~(packet->ttl << 8) + ((packet->ttl - rewrite->hops) << 8));
		__builtin_memcpy(rewrite->source ? &ip->saddr : &ip->daddr, rewrite->address, 16);
	}
	if (packet->fragment == LATER_FRAGMENT) {
		/* No checksum of its own makes up for an IPv6 address either. */
		if (family == FAMILY6)
			bpf_csum_update(skb, difference6(before, rewrite->address));
		return true;
	}
	if (!write_ports(skb, packet, rewrite, &has_checksum))
		return false;
	if (!has_checksum)
		return true;
	/* From here on the pointers into the packet are void. */
	if (old_ports != new_ports && bpf_l4_csum_replace(skb, at, old_ports, new_ports, flags | 4))
		return false;
	if (family == FAMILY4)
		return !bpf_l4_csum_replace(skb, at, before[0], rewrite->address[0], flags | BPF_F_PSEUDO_HDR | 4);
	flags |= BPF_F_PSEUDO_HDR;
	return !bpf_l4_csum_replace(skb, at, 0, difference6(before, rewrite->address), flags | BPF_F_IPV6) ||
	       !bpf_l4_csum_replace(skb, at, 0, difference6(before, rewrite->address), flags);
}

#endif
