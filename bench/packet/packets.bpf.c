/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What one packet costs, measured from inside the kernel: each run writes a frame anew and hands it to the director's
 * own code, so a million runs are a million fresh packets. Loaded by the bench only.
 */
#include "../../bpf/director.bpf.c"

/* The addresses of the classic lab. */
#define CLIENTS 0xcb00710a /* 203.0.113.10 and on */
#define VIRTUAL_IP 0xcb007164
#define SERVER 0xc0a80165
#define FIRST_PORT 1024
#define PORTS_A_CLIENT 0x4000

/* The low bits of a frame's mark: flows - 1, a power of two less one. Flows are visited in a scattered order. */
#define MARK_FLOWS 0x1ffff
#define SCATTER 40503

/* Writes the next frame; the flow's number is the packet's, scattered. Answers false when there is no frame. */
static __always_inline bool next_frame(struct __sk_buff *skb, __u8 flags, bool reply)
{
	__u32 key = 0, flow;
	__u64 *turn = bpf_map_lookup_elem(&positions, &key);
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 client;

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end || !turn)
		return false;
	flow = (__u32)((*turn)++ * SCATTER) & skb->mark & MARK_FLOWS;
	client = bpf_htonl(CLIENTS + flow / PORTS_A_CLIENT);
	ip->ttl = 64;
	ip->saddr = reply ? bpf_htonl(SERVER) : client;
	ip->daddr = reply ? client : bpf_htonl(VIRTUAL_IP);
	tcp->source = reply ? bpf_htons(80) : bpf_htons(FIRST_PORT + flow % PORTS_A_CLIENT);
	tcp->dest = reply ? bpf_htons(FIRST_PORT + flow % PORTS_A_CLIENT) : bpf_htons(80);
	((__u8 *)tcp)[13] = flags;
	return true;
}

SEC("tc")
int bench_open(struct __sk_buff *skb)
{
	return next_frame(skb, TCP_SYN, false) ? request4(skb) : TCX_DROP;
}

/* The server's SYN-ACK, after which an ACK of the client establishes the connection. */
SEC("tc")
int bench_answer(struct __sk_buff *skb)
{
	return next_frame(skb, TCP_SYN | TCP_ACK, true) ? reply4(skb) : TCX_DROP;
}

SEC("tc")
int bench_request(struct __sk_buff *skb)
{
	return next_frame(skb, TCP_ACK, false) ? request4(skb) : TCX_DROP;
}

SEC("tc")
int bench_reply(struct __sk_buff *skb)
{
	return next_frame(skb, TCP_ACK, true) ? reply4(skb) : TCX_DROP;
}

/* Floor: the frame is written and dropped. */
SEC("tc")
int bench_floor(struct __sk_buff *skb)
{
	next_frame(skb, TCP_ACK, false);
	return TCX_DROP;
}

/* What the floor below looks up: the kernel's own hash map. */
struct hash_key {
	__u32 saddr, daddr, ports, protocol;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * (MARK_FLOWS + 1));
	__type(key, struct hash_key);
	__type(value, __u64);
} bench_hash SEC(".maps");

static __always_inline bool next_key(struct __sk_buff *skb, struct hash_key *key)
{
	struct packet packet = {};
	enum weir_verdict why;

	if (!next_frame(skb, TCP_ACK, false) || !parse4(skb, &packet, &why))
		return false;
	key->saddr = packet.saddr[0];
	key->daddr = packet.daddr[0];
	key->ports = (__u32)packet.dport << 16 | packet.sport;
	key->protocol = packet.protocol;
	return true;
}

SEC("tc")
int bench_fill(struct __sk_buff *skb)
{
	struct hash_key key = {};
	__u64 value = SERVER;

	if (next_key(skb, &key))
		bpf_map_update_elem(&bench_hash, &key, &value, BPF_ANY);
	return TCX_DROP;
}

/* Floor of any NAT with the kernel's hash map: one look-up that hits, the header rewritten, no helper besides. */
SEC("tc")
int bench_hit(struct __sk_buff *skb)
{
	struct hash_key key = {};
	struct iphdr *ip;
	__u64 *value;

	if (!next_key(skb, &key))
		return TCX_DROP;
	value = bpf_map_lookup_elem(&bench_hash, &key);
	ip = (void *)(long)skb->data + ETH_HLEN;
	if (!value || (void *)(ip + 1) > (void *)(long)skb->data_end)
		return TCX_DROP;
	ip->daddr = (__u32)*value;
	ip->ttl--;
	return TCX_DROP;
}

/* Floor of any NAT with the director's table: the connection found, and nothing else. */
SEC("tc")
int bench_find(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct found found = {};
	enum weir_verdict why;

	if (next_frame(skb, TCP_ACK, false) && parse4(skb, &packet, &why))
		connection_find(&packet, IN, FAMILY4, &found);
	return TCX_DROP;
}
