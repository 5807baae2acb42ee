/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packet in → addresses, ports and flags out, or the reason why it is not for us. */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "contract.h"

#define FAMILY4 4
#define FAMILY6 6

#define IP_FRAGMENT_MASK bpf_htons(0x3fff) /* more fragments, or an offset (RFC 791, 3.1) */
#define FRAGMENT_OFFSET_MASK bpf_htons(0x1fff)

/* The second word of a fragment header (RFC 8200, 4.5): offset and "more"; one of neither is whole (RFC 6946). */
#define FRAGMENT6_OFFSET_MASK bpf_htons(0xfff8)
#define FRAGMENT6_MASK bpf_htons(0xfff9)
#define SEGMENTS_LEFT_MASK bpf_htons(0x00ff) /* in that of a routing header (RFC 8200, 4.4) */

#define EXTENSIONS 4	    /* IPv6 extension headers that are followed */
#define EXTENSIONS_MOST 128 /* bytes they may take */
#define TRANSPORT_MOST (ETH_HLEN + sizeof(struct ipv6hdr) + EXTENSIONS_MOST) /* where a transport header may begin */
#define TRANSPORT_MASK 0xff /* all its bits */

/* What a packet is of its datagram. */
#define WHOLE 0
#define FIRST_FRAGMENT 1 /* has the ports */
#define LATER_FRAGMENT 2 /* has none: `transport` is where its part of the datagram begins */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 sport;
	__u16 dport;
	__u8 protocol;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 transport_bytes; /* length of the TCP or UDP header */
	__u32 transport; /* offset of the TCP or UDP header in the frame */
	__u32 bytes;	 /* from the IP header on */
	__u32 fragment;	 /* WHOLE, FIRST_FRAGMENT, LATER_FRAGMENT */
	__u32 id;	 /* of a fragment's datagram */
};

/* How every extension header begins (RFC 8200, 4). */
struct extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes, without the first; nothing in a fragment header */
	__u16 word;
	__u32 rest;
};

/* Makes the first `length` bytes readable and writable in place; they often lie in fragments of the skb. */
static __always_inline bool pull(struct __sk_buff *skb, __u32 length)
{
	if ((void *)(long)skb->data + length <= (void *)(long)skb->data_end)
		return true;
	if (skb->len < length)
		return false;
	return bpf_skb_pull_data(skb, length) == 0 &&
	       (void *)(long)skb->data + length <= (void *)(long)skb->data_end;
}

static __always_inline __u32 transport_size(__u8 protocol)
{
	return protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
}

static __always_inline bool parse_transport(struct __sk_buff *skb, struct packet *packet)
{
	__u32 offset = packet->transport;
	__u32 size = transport_size(packet->protocol);
	/* Read anew: clang would merge what was read on several paths in 32 bits, which the verifier takes for a number. */
	void *data = (void *)(long)*(volatile __u32 *)&skb->data, *end = (void *)(long)*(volatile __u32 *)&skb->data_end;
	struct tcphdr *tcp;
	struct udphdr *udp;

	if (offset > TRANSPORT_MOST)
		return false;
	if (data + offset + size > end) {
		if (!pull(skb, offset + size))
			return false;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	/* No change: verifiers before 6.3 have forgotten the bound by now, as the register was copied. */
	barrier_var(offset);
	offset &= TRANSPORT_MASK;
	udp = data + offset;
	if ((void *)(udp + 1) > end)
		return false;
	packet->sport = udp->source;
	packet->dport = udp->dest;
	packet->transport_bytes = sizeof(*udp);
	if (packet->protocol == IPPROTO_UDP)
		return true;
	tcp = data + offset;
	if ((void *)(tcp + 1) > end)
		return false;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	packet->transport_bytes = tcp->doff * 4;
	return tcp->doff >= 5;
}

/* Fills `packet` from an IPv4 frame. False: not for us, and `why` says why. */
static __always_inline bool parse4(struct __sk_buff *skb, struct packet *packet, enum weir_verdict *why)
{
	struct iphdr *ip;
	__u32 header, total;

	*why = WEIR_VERDICT_MALFORMED;
	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return false;
	ip = (void *)(long)skb->data + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return false;
	packet->protocol = ip->protocol;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) {
		*why = WEIR_VERDICT_NOT_OURS;
		return false;
	}
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	/* A GSO packet may be longer than tot_len can say: then it says 0 (BIG TCP). */
	if (!total && skb->gso_size)
		total = skb->len - ETH_HLEN;
	packet->bytes = total;
	if (ip->version != 4 || header < sizeof(*ip) || total > skb->len - ETH_HLEN)
		return false;
	packet->saddr[0] = ip->saddr;
	packet->daddr[0] = ip->daddr;
	packet->ttl = ip->ttl;
	packet->transport = ETH_HLEN + header;
	if (ip->frag_off & IP_FRAGMENT_MASK) {
		packet->id = ip->id;
		if (ip->frag_off & FRAGMENT_OFFSET_MASK) {
			packet->fragment = total > header ? LATER_FRAGMENT : WHOLE;
			return false;
		}
		packet->fragment = FIRST_FRAGMENT;
	}
	if (total < header + transport_size(ip->protocol))
		return false;
	return parse_transport(skb, packet);
}

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT;
}

/*
 * Finds what is behind a few extension headers (RFC 8200, 4): options, a routing header that has done its work, and a
 * fragment header as the last one. False, and nothing changed, for all else; lengths are not held against the packet's.
 */
__noinline int skip_extensions(struct __sk_buff *skb, struct packet *packet)
{
	struct extension extension = {};
	__u32 at = ETH_HLEN + sizeof(struct ipv6hdr);
	__u8 this, next;

	if (!packet)
		return 0;
	next = packet->protocol;
	for (int i = 0; i < EXTENSIONS; i++) {
		this = next;
		/* Hop-by-hop options come first or not at all (RFC 8200, 4.1). */
		if (!is_extension(this) || (i && this == IPPROTO_HOPOPTS) ||
		    bpf_skb_load_bytes(skb, at, &extension, sizeof(extension)))
			return 0;
		if (this == IPPROTO_ROUTING && extension.word & SEGMENTS_LEFT_MASK)
			return 0;
		next = extension.next;
		at += this == IPPROTO_FRAGMENT ? sizeof(extension) : sizeof(extension) * (extension.length + 1);
		if (at > TRANSPORT_MOST)
			return 0;
		if (next == IPPROTO_TCP || next == IPPROTO_UDP)
			break;
		if (this == IPPROTO_FRAGMENT)
			return 0;
	}
	if (next != IPPROTO_TCP && next != IPPROTO_UDP)
		return 0;
	if (this == IPPROTO_FRAGMENT && extension.word & FRAGMENT6_MASK) {
		packet->fragment = extension.word & FRAGMENT6_OFFSET_MASK ? LATER_FRAGMENT : FIRST_FRAGMENT;
		packet->id = extension.rest;
	}
	packet->protocol = next;
	packet->transport = at;
	return 1;
}

/* Fills `packet` from an IPv6 frame. */
static __always_inline bool parse6(struct __sk_buff *skb, struct packet *packet, enum weir_verdict *why)
{
	struct ipv6hdr *ip;
	__u32 payload;

	*why = WEIR_VERDICT_MALFORMED;
	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return false;
	ip = (void *)(long)skb->data + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return false;
	packet->protocol = ip->nexthdr;
	packet->transport = ETH_HLEN + sizeof(*ip);
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) {
		*why = WEIR_VERDICT_NOT_OURS;
		if (!is_extension(packet->protocol) || !skip_extensions(skb, packet))
			return false;
		*why = WEIR_VERDICT_MALFORMED;
		/* The pointers into the packet are void. */
		ip = (void *)(long)skb->data + ETH_HLEN;
		if ((void *)(ip + 1) > (void *)(long)skb->data_end)
			return false;
	}
	payload = bpf_ntohs(ip->payload_len);
	if (!payload && skb->gso_size)
		payload = skb->len - ETH_HLEN - sizeof(*ip);
	packet->bytes = sizeof(*ip) + payload;
	if (ip->version != 6 || packet->bytes > skb->len - ETH_HLEN || packet->transport - ETH_HLEN >= packet->bytes) {
		packet->fragment = WHOLE;
		return false;
	}
	__builtin_memcpy(packet->saddr, &ip->saddr, 16);
	__builtin_memcpy(packet->daddr, &ip->daddr, 16);
	packet->ttl = ip->hop_limit;
	if (packet->fragment == LATER_FRAGMENT ||
	    packet->bytes < packet->transport - ETH_HLEN + transport_size(packet->protocol))
		return false;
	return parse_transport(skb, packet);
}

static __always_inline bool parse(struct __sk_buff *skb, struct packet *packet, int family, enum weir_verdict *why)
{
	return family == FAMILY4 ? parse4(skb, packet, why) : parse6(skb, packet, why);
}

/* The first packet of a TCP connection, and nothing else besides. */
static __always_inline bool is_opening(const struct packet *packet)
{
	return packet->protocol == IPPROTO_TCP &&
	       (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static __always_inline bool same_address(const __u32 *a, const __u32 *b, int family)
{
	if (family == FAMILY4)
		return a[0] == b[0];
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline void copy_address(__u32 *to, const __u32 *from, int family)
{
	to[0] = from[0];
	if (family == FAMILY6) {
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
	}
}

/* Addresses that no client can have (RFC 1812, 5.3.7; RFC 4291, 2.7). */
static __always_inline bool is_martian(const __u32 *address, int family)
{
	if (family == FAMILY4) {
		__u8 first = bpf_ntohl(address[0]) >> 24;

		return first == 0 || first == 127 || first >= 224;
	}
	if ((address[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000) ||
	    (address[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return true;
	return !(address[0] | address[1] | address[2]) && bpf_ntohl(address[3]) <= 1;
}

/* What comes from such a one, or from its own target: the stack is left to drop it. */
static __always_inline bool is_martian_source(const struct packet *packet, int family)
{
	return same_address(packet->saddr, packet->daddr, family) || is_martian(packet->saddr, family);
}

#endif
