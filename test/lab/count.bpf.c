/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Somebody else's program on the director's interface: counts what reaches it, and lets it pass. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* 0 → all packets, 1 → those of the UDP port below, 2 → those of the TCP ports 80 and 81, in IPv4 without options */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&seen, &which);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

SEC("tc")
int foreign(struct __sk_buff *skb)
{
	__u8 protocol = 0;
	__u16 port = 0;

	count(0);
	if (skb->protocol != __builtin_bswap16(0x0800))
		return TC_ACT_UNSPEC;
	if (bpf_skb_load_bytes(skb, 14 + 9, &protocol, 1) || bpf_skb_load_bytes(skb, 14 + 20 + 2, &port, 2))
		return TC_ACT_UNSPEC;
	port = __builtin_bswap16(port);
	if (protocol == 17 && port == 9999)
		count(1);
	if (protocol == 6 && (port == 80 || port == 81))
		count(2);
	return TC_ACT_UNSPEC;
}

char foreign_license[] SEC("license") = "Dual BSD/GPL";
