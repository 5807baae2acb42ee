/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet path under test: the director's own headers, driven from inside the kernel. Loaded by tests only; it
 * shares the director's maps by their pins.
 */
#include "../../bpf/director.bpf.c"

/* Lets a scheduler choose for a client without a packet. */
struct pick {
	__u32 client[4];
	__u32 destination[4];
	__u32 port; /* the client's, as it stands in a packet */
	__u32 slot;
	__u32 member; /* out */
};

SEC("syscall")
int probe_pick(struct pick *pick)
{
	__u32 slot = pick->slot;
	struct weir_service *service = bpf_map_lookup_elem(&services, &slot);
	struct packet packet = { .sport = pick->port };

	copy_address(packet.saddr, pick->client, FAMILY6);
	copy_address(packet.daddr, pick->destination, FAMILY6);
	pick->member = service ? schedule(service, &packet) : NO_MEMBER;
	return 0;
}

/* The addresses of the classic lab. */
#define CLIENTS 0xcb00710a /* 203.0.113.10 and on */
#define VIRTUAL_IP 0xcb007164
#define SERVER 0xc0a80165
#define CLIENT_COUNT 4
#define FIRST_PORT 1024
#define PORT_COUNT 8192

/*
 * One packet of the life of a random connection, either way, with random flags: run it a million times, on both CPUs
 * at once. The packet is written anew each time, so nothing is left of the rewriting of the time before.
 */
SEC("tc")
int probe_churn(struct __sk_buff *skb)
{
	__u32 dice = bpf_get_prandom_u32();
	__u32 client = bpf_htonl(CLIENTS + (dice & (CLIENT_COUNT - 1)));
	__u16 port = bpf_htons(FIRST_PORT + ((dice >> 2) & (PORT_COUNT - 1)));
	bool request = dice >> 31;
	struct tcphdr *tcp;
	struct iphdr *ip;
	__u8 flags;

	ip = (void *)(long)skb->data + ETH_HLEN;
	tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return TCX_DROP;
	switch ((dice >> 20) & 7) {
	case 0:
		flags = TCP_FIN | TCP_ACK;
		break;
	case 1:
		flags = TCP_RST;
		break;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		flags = request ? TCP_SYN : TCP_SYN | TCP_ACK;
		break;
	default:
		flags = TCP_ACK;
	}
	ip->ttl = 64;
	ip->saddr = request ? client : bpf_htonl(SERVER);
	ip->daddr = request ? bpf_htonl(VIRTUAL_IP) : client;
	tcp->source = request ? port : bpf_htons(80);
	tcp->dest = request ? bpf_htons(80) : port;
	((__u8 *)tcp)[13] = flags;
	return request ? request4(skb) : reply4(skb);
}
