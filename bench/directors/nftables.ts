/** nftables: destination NAT by connection tracking, real servers in turn. */
import type { Service } from '../load/load.ts';
import { type Director, vip, vipPrefix } from './director.ts';

function ruleset({ protocol, port }: Service, servers: readonly string[]): string {
  const map = servers.map((address, index) => `${index} : ${address}`).join(', ');
  return `table ip bench {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr ${vip} ${protocol} dport ${port} dnat to numgen inc mod ${servers.length} map { ${map} }
  }
}
`;
}

/** DNAT by nftables. */
export function nftables(): Director {
  return {
    name: 'nftables',
    protocols: ['tcp', 'udp'],
    version: async (lab) => (await lab.run(lab.director, ['nft', '--version'])).trim(),
    async start(lab, load) {
      await lab.run(lab.director, ['ip', 'address', 'add', vipPrefix, 'dev', 'eth0']);
      await lab.run(lab.director, ['nft', '-f', '-'], {
        input: ruleset(
          load.service,
          lab.servers.map((each) => each.ipv4),
        ),
      });
      await lab.sysctl(lab.director, {
        'net.ipv4.ip_forward': 1,
        // Closed connections leave the table within the pause a busy director would give them: otherwise those of
        // earlier rounds would add up to nf_conntrack_max, which a namespace cannot raise.
        'net.netfilter.nf_conntrack_tcp_timeout_time_wait': 5,
        // The same for datagrams: a port that comes again would lead to its real server of an earlier round.
        'net.netfilter.nf_conntrack_udp_timeout': 5,
        'net.netfilter.nf_conntrack_udp_timeout_stream': 5,
      });
    },
    target: () => vip,
    async stop(lab) {
      await lab.sysctl(lab.director, { 'net.ipv4.ip_forward': 0 });
      await lab.run(lab.director, ['nft', 'delete', 'table', 'ip', 'bench']);
      await lab.run(lab.director, ['ip', 'address', 'del', vipPrefix, 'dev', 'eth0']);
    },
  };
}
