/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Opens UDP connections from inside the kernel: each run writes the next client's datagram and hands it to the director's
 * own code. Loaded beside a running director's tables, by the bench only.
 */
#include "../../bpf/director.bpf.c"

/* 203.0.113.10:1024 and on, as many ports an address as there are. */
#define CLIENTS 0xcb00710a
#define FIRST_PORT 1024
#define PORTS_A_CLIENT (0x10000 - FIRST_PORT)
#define VIRTUAL_IP 0xcb007164

/* The number of the next datagram. */
__u64 turn = 0;

SEC("tc")
int scale_open(struct __sk_buff *skb)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 flow;

	if ((void *)(udp + 1) > (void *)(long)skb->data_end)
		return TCX_DROP;
	flow = (__u32)turn++;
	ip->ttl = 64;
	ip->saddr = bpf_htonl(CLIENTS + flow / PORTS_A_CLIENT);
	ip->daddr = bpf_htonl(VIRTUAL_IP);
	udp->source = bpf_htons(FIRST_PORT + flow % PORTS_A_CLIENT);
	udp->dest = bpf_htons(53);
	return request4(skb);
}
