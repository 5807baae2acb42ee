/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors about a connection of ours, from either side, reach the one who sent the packet they quote, and quote it
 * as it was sent (RFC 5508, 4.2; RFC 4443, 3). Path MTU discovery through the director depends on it. Errors are counted
 * and change no state: anybody can send them.
 *
 * All checksums are written in place: what changes in the message and in its checksum adds up to nothing, so a sum
 * that the card took over the whole packet stays right.
 */
#ifndef WEIR_ICMP_H
#define WEIR_ICMP_H

#include "forward.h"
#include "fragment.h"

/* The first eight bytes of TCP and UDP that every error quotes (RFC 792). */
struct quoted_ports {
	__u16 source;
	__u16 dest;
	__u32 rest;
};

struct icmp_frame4 {
	struct iphdr ip;
	struct icmp_header icmp;
	struct iphdr quoted;
	struct quoted_ports ports;
};

struct icmp_frame6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	struct ipv6hdr quoted;
	struct quoted_ports ports;
};

/* The same about a fragment. Other extension headers are not looked behind, neither the error's nor the quoted ones. */
struct icmp_fragment_frame6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	struct ipv6hdr quoted;
	struct extension fragment;
	struct quoted_ports ports;
};

/* The sum of a checksum's words after one 16-bit word has changed. */
static __always_inline __u64 word_changed(__u64 sum, __u16 before, __u16 after)
{
	return sum + (__u16)~before + after;
}

/* `room`: bytes of the frame from the IP header on, padding included. */
static __always_inline bool is_error4(const struct icmp_frame4 *frame, __u32 room)
{
	__u32 total = bpf_ntohs(frame->ip.tot_len);
	__u8 type = frame->icmp.type;

	return frame->ip.version == 4 && frame->quoted.version == 4 && total >= sizeof(*frame) && total <= room &&
	       frame->ip.ihl == 5 && !(frame->ip.frag_off & IP_FRAGMENT_MASK) && frame->quoted.ihl == 5 &&
	       frame->ip.daddr == frame->quoted.saddr &&
	       (type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH || type == ICMP4_TIME_EXCEEDED ||
		type == ICMP4_PARAMETER_PROBLEM);
}

static __always_inline bool is_error6(const struct icmp_frame6 *frame, __u32 room)
{
	__u32 total = sizeof(frame->ip) + bpf_ntohs(frame->ip.payload_len), least = sizeof(*frame);

	if (frame->quoted.nexthdr == IPPROTO_FRAGMENT)
		least = sizeof(struct icmp_fragment_frame6);
	return frame->ip.version == 6 && frame->quoted.version == 6 && total >= least && total <= room &&
	       frame->icmp.type >= ICMP6_UNREACHABLE && frame->icmp.type <= ICMP6_PARAMETER_PROBLEM;
}

/* What the quoted packet's answer would look like: that is how its connection is found. */
static __always_inline bool turn_around4(const struct icmp_frame4 *frame, __u32 room, struct packet *answer)
{
	answer->saddr[0] = frame->quoted.daddr;
	answer->daddr[0] = frame->quoted.saddr;
	answer->sport = frame->ports.dest;
	answer->dport = frame->ports.source;
	answer->protocol = frame->quoted.protocol;
	answer->id = frame->quoted.id;
	answer->fragment = frame->quoted.frag_off & FRAGMENT_OFFSET_MASK ? LATER_FRAGMENT : WHOLE;
	return is_error4(frame, room);
}

static __always_inline bool turn_around6(const struct icmp_frame6 *frame, __u32 room, struct packet *answer)
{
	copy_address(answer->saddr, (__u32 *)&frame->quoted.daddr, FAMILY6);
	copy_address(answer->daddr, (__u32 *)&frame->quoted.saddr, FAMILY6);
	answer->sport = frame->ports.dest;
	answer->dport = frame->ports.source;
	answer->protocol = frame->quoted.nexthdr;
	return is_error6(frame, room) && same_address((__u32 *)&frame->ip.daddr, answer->daddr, FAMILY6);
}

/* The quoted ports become those of the sender's own packet; returns the checksum's sum, changed accordingly. NULL: the
 * quoted fragment has none. */
static __always_inline __u64 write_quoted_ports(struct quoted_ports *ports, const struct weir_connection *connection,
						enum direction direction, __u64 sum)
{
	__u16 source = direction == IN ? connection->server_port : connection->client_port;
	__u16 dest = direction == IN ? connection->seen_port : connection->virtual_port;

	if (!ports)
		return sum;
	sum = word_changed(sum, ports->source, source);
	sum = word_changed(sum, ports->dest, dest);
	ports->source = source;
	ports->dest = dest;
	return sum;
}

/* As above, of an error about a fragment. */
static __always_inline bool turn_around_fragment6(const struct icmp_fragment_frame6 *frame, __u32 room,
						  struct packet *answer)
{
	bool is_error = turn_around6((const void *)frame, room, answer);

	answer->sport = frame->ports.dest;
	answer->dport = frame->ports.source;
	answer->protocol = frame->fragment.next;
	answer->id = frame->fragment.rest;
	answer->fragment = frame->fragment.word & FRAGMENT6_OFFSET_MASK ? LATER_FRAGMENT : WHOLE;
	return is_error;
}

static __always_inline void write_error4(struct icmp_frame4 *frame, struct quoted_ports *ports,
					 const struct weir_connection4 *connection, enum direction direction,
					 bool by_stack)
{
	struct rewrite outer = { .source = direction == OUT, .hops = !by_stack };
	__u64 sum = (__u16)~frame->icmp.checksum, quoted = (__u16)~frame->quoted.check;
	__u32 before = direction == IN ? frame->quoted.saddr : frame->quoted.daddr;
	__u32 after = direction == IN ? connection->server : connection->virtual_ip;

	outer.address[0] = after;
	write_header4(&frame->ip, &outer);
	/* The quoted header's own checksum makes up for its address, so the message's sum does not see either. */
	frame->quoted.check = ~fold(quoted + (__u32)~before + after);
	if (direction == IN)
		frame->quoted.saddr = after;
	else
		frame->quoted.daddr = after;
	sum = write_quoted_ports(ports, &connection->head, direction, sum);
	frame->icmp.checksum = ~fold(sum);
}

static __always_inline void write_error6(struct icmp_frame6 *frame, struct quoted_ports *ports,
					 const struct weir_connection6 *connection, enum direction direction,
					 bool by_stack)
{
	const __u32 *after = direction == IN ? connection->server : connection->virtual_ip;
	__u32 *outer = (__u32 *)(direction == IN ? &frame->ip.daddr : &frame->ip.saddr);
	__u32 *quoted = (__u32 *)(direction == IN ? &frame->quoted.saddr : &frame->quoted.daddr);
	__u64 sum = (__u16)~frame->icmp.checksum;

	frame->ip.hop_limit -= !by_stack;
	sum += (__u64)difference6(outer, after) + difference6(quoted, after);
	copy_address(outer, after, FAMILY6);
	copy_address(quoted, after, FAMILY6);
	sum = write_quoted_ports(ports, &connection->head, direction, sum);
	frame->icmp.checksum = ~fold(sum);
}

#define NOT_TRANSLATED -2

/* What an error looks like: of IPv4, of IPv6, of IPv6 about a fragment. */
enum shape { ERROR4, ERROR6, FRAGMENT_ERROR6 };

static __always_inline __u32 length_of(enum shape shape)
{
	return shape == ERROR4 ? sizeof(struct icmp_frame4)
	       : shape == ERROR6 ? sizeof(struct icmp_frame6)
				 : sizeof(struct icmp_fragment_frame6);
}

static __always_inline bool turn_around(const void *frame, __u32 room, struct packet *answer, enum shape shape)
{
	return shape == ERROR4 ? turn_around4(frame, room, answer)
	       : shape == ERROR6 ? turn_around6(frame, room, answer)
				 : turn_around_fragment6(frame, room, answer);
}

/*
 * Finds the connection of the packet that an error quotes, by what an answer to it would look like. Of a service that
 * keeps none it can be told for requests, by their server; of its replies nobody knows who has sent them, unless they
 * were fragments.
 */
static __always_inline bool is_about_ours(struct __sk_buff *skb, const struct packet *answer, struct found *found,
					  __u32 direction, int family)
{
	if (answer->fragment)
		return fragment_quoted(skb, answer, direction, found, family);
	return direction == IN ? connection_find(answer, IN, family, found)
			       : connection_of_answer(skb, answer, found, direction, family);
}

/*
 * Sends an error on to the end that it concerns, or leaves it, translated, to the stack: that of a client as it comes
 * in, that of a server as it goes out. NOT_TRANSLATED when it is about nothing of ours.
 */
static __always_inline int translate_error(struct __sk_buff *skb, enum direction direction, bool at_egress,
					   enum shape shape)
{
	int family = shape == ERROR4 ? FAMILY4 : FAMILY6;
	__u32 length = ETH_HLEN + length_of(shape);
	struct weir_connection *connection;
	struct quoted_ports *ports;
	struct packet answer = {};
	struct found found = {};
	struct addresses at;
	__u32 hop[4] = {}, ifindex, service, server, bytes, room = skb->len - ETH_HLEN;
	bool by_stack;
	void *frame;

	if (!pull(skb, length))
		return NOT_TRANSLATED;
	frame = (void *)(long)skb->data + ETH_HLEN;
	if (frame + length - ETH_HLEN > (void *)(long)skb->data_end)
		return NOT_TRANSLATED;
	if (!turn_around(frame, room, &answer, shape) || answer.protocol & WEIR_TEMPLATE_PROTOCOL)
		return NOT_TRANSLATED;
	if (!is_about_ours(skb, &answer, &found, at_egress ? LEAVING : direction, family))
		return NOT_TRANSLATED;
	connection = connection_at(found.slot, family);
	if (!connection || (at_egress && !connection->by_stack))
		return NOT_TRANSLATED;
	by_stack = at_egress || goes_by_stack(&found, family);
	if (by_stack && direction == OUT && !at_egress)
		return TCX_NEXT;
	if (!at_egress && (family == FAMILY4 ? ((struct iphdr *)frame)->ttl : ((struct ipv6hdr *)frame)->hop_limit) <= 1)
		return drop(WEIR_VERDICT_TTL_EXCEEDED);
	at = addresses_of(connection, family);
	copy_address(hop, direction == IN ? at.server_hop : at.client_hop, family);
	ifindex = direction == IN ? connection->server_ifindex : connection->client_ifindex;
	service = connection->service;
	server = connection->server;
	bytes = family == FAMILY4 ? bpf_ntohs(((struct iphdr *)frame)->tot_len)
				  : sizeof(struct ipv6hdr) + bpf_ntohs(((struct ipv6hdr *)frame)->payload_len);
	ports = answer.fragment ? 0 : frame + length - ETH_HLEN - sizeof(*ports);
	if (family == FAMILY4)
		write_error4(frame, ports, (void *)connection, direction, by_stack);
	else
		write_error6(frame, ports, (void *)connection, direction, by_stack);
	if (!connection_is_same(connection, &found))
		return TCX_DROP;
	verdict(WEIR_VERDICT_ICMP_TRANSLATED);
	/* As ip_vs does: an error is a packet of the connection, too. */
	count_packet(service, server, bytes, direction);
	return by_stack ? TCX_NEXT : redirect(ifindex, hop, family);
}

__noinline int translate_error4(struct __sk_buff *skb, __u32 direction, __u32 at_egress)
{
	return translate_error(skb, direction == IN ? IN : OUT, at_egress, ERROR4);
}

__noinline int translate_error6(struct __sk_buff *skb, __u32 direction, __u32 at_egress)
{
	return translate_error(skb, direction == IN ? IN : OUT, at_egress, ERROR6);
}

__noinline int translate_fragment_error6(struct __sk_buff *skb, __u32 direction, __u32 at_egress)
{
	return translate_error(skb, direction == IN ? IN : OUT, at_egress, FRAGMENT_ERROR6);
}

/* Whether an IPv6 packet, if it is an error, is one about a fragment. */
static __always_inline bool quotes_fragment6(struct __sk_buff *skb)
{
	__u32 at = ETH_HLEN + __builtin_offsetof(struct icmp_fragment_frame6, quoted.nexthdr);
	__u8 next = 0;

	return !bpf_skb_load_bytes(skb, at, &next, sizeof(next)) && next == IPPROTO_FRAGMENT;
}

#endif
