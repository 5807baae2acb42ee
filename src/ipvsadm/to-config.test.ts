import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { serviceKey } from '../core/model/service.ts';
import { NAMES } from './names.fixture.ts';
import { parseCommand } from './parse.ts';
import { rulesetOf } from './replace.ts';
import { readRules } from './rules.ts';
import { configOf } from './to-config.ts';

async function imported(text: string, dataplane?: 'bpf' | 'ipvs') {
  const read = await readRules(text, { comments: true, parse: (argv) => parseCommand(argv, NAMES) });
  if ('mistake' in read) throw new Error(read.mistake.text);
  const lines = new Map<string, number>();
  const { text: config, leftOut } = configOf(rulesetOf(read.rules, lines).ruleset, lines, {
    public: 'eth0',
    private: 'eth1',
    ...(dataplane && { dataplane }),
  });
  const parsed = parseConfig(config, 'weir.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return { config: parsed.config, leftOut: leftOut.map(({ line, text }) => `${line ?? ''} ${text}`) };
}

describe('configOf', () => {
  it('says in YAML what the rules say', async () => {
    const { config, leftOut } = await imported(`# saved
--set 600 60 30
-A -t 203.0.113.100:80 -s sh -p 600 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 203.0.113.100:80 -r 192.168.1.101:8080 -m -w 3 -x 100 -y 50
-a -t 203.0.113.100:80 -r 192.168.1.102:80 -m -w 0
-A -t 203.0.113.101:0 -p
-a -t 203.0.113.101:0 -r 192.168.1.101:0 -m
-A -u 203.0.113.100:53 -s rr -o
-A -t [::1:0:0:1]:80 -p 300 -M 64
-a -t [::1:0:0:1]:80 -r [2001:db8::1]:80 -m
`);
    expect(leftOut).toEqual([]);
    expect(config.services).toMatchObject([
      {
        address: '203.0.113.100',
        port: 80,
        scheduler: 'sh',
        scheduler_flags: ['sh-fallback', 'sh-port'],
        persistence: { timeout: 600_000, granularity: 24 },
        timeouts: { established: 600_000, fin_wait: 60_000, udp: 30_000 },
        servers: [
          { address: '192.168.1.101', port: 8080, weight: 3, upper_threshold: 100, lower_threshold: 50 },
          { address: '192.168.1.102', port: 80, weight: 0 },
        ],
      },
      { address: '203.0.113.101', port: 0, persistence: { timeout: 360_000, granularity: 32 } },
      { protocol: 'udp', scheduler: 'rr', one_packet: true, servers: [] },
      { address: '::1:0:0:1', persistence: { granularity: 64 }, servers: [{ address: '2001:db8::1' }] },
    ]);
  });

  it('names by its line what a configuration has not', async () => {
    const { config, leftOut } = await imported(
      `-A -t 203.0.113.100:80
-a -t 203.0.113.100:80 -r 192.168.1.101
-a -t 203.0.113.100:80 -r 192.168.1.102 -i
-a -t 203.0.113.100:80 -r 192.168.1.103 -m -w 70000
-A -f 1
-a -f 1 -r 192.168.1.101 -m
-A --sctp-service 203.0.113.100:5
-A -t 203.0.113.100:81 -s rr -b flag-1
-A -t 203.0.113.100:82 -p -M 255.0.255.0
-A -u 203.0.113.100:5060 -p --pe sip
-A -t 203.0.113.101:0 -p
-a -t 203.0.113.101:0 -r 192.168.1.101:80 -m
-A -t 203.0.113.100:83 -s vip
--start-daemon master
`,
      'bpf',
    );
    expect(leftOut.map((line) => line.replace(/;.*/, ''))).toEqual([
      '2 192.168.1.101:80 of tcp 203.0.113.100:80: by direct routing (-g, or none of -m, -g and -i)',
      '3 192.168.1.102:80 of tcp 203.0.113.100:80: by a tunnel (-i)',
      '4 192.168.1.103:80 of tcp 203.0.113.100:80: weight 70000',
      '5 fwmark 1: a firewall mark',
      '7 sctp 203.0.113.100:5: SCTP',
      '8 tcp 203.0.113.100:81: -b flag-1: rr has no such flag',
      '9 tcp 203.0.113.100:82: -M 255.0.255.0 is not the mask of a prefix of 1 to 32 bits',
      '10 udp 203.0.113.100:5060: the persistence engine sip',
      '12 192.168.1.101:80 of tcp 203.0.113.101:0: the servers of every port are reached at the port that the client asks for',
      '13 tcp 203.0.113.100:83: there is no scheduler vip',
      ' the master sync daemon',
    ]);
    expect(config.services.map(({ port }) => port)).toEqual([80, 81, 82, 0]);
    expect(config.services[0]!.servers).toMatchObject([{ address: '192.168.1.103', weight: 65535 }]);
  });

  it('takes the plane that has what the rules want', async () => {
    const { config, leftOut } = await imported(`-A -t 203.0.113.100:80
-a -t 203.0.113.100:80 -r 192.168.1.101
-a -t 203.0.113.100:80 -r 192.168.1.102 -i
-a -t 203.0.113.100:80 -r 192.168.1.103 -m
-a -t 203.0.113.100:80 -r 192.168.1.104 -i --tun-type gre --tun-csum
-a -t 203.0.113.100:80 -r 192.168.1.105 -i --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 203.0.113.100:80 -r 192.168.1.106 -i --tun-type ipip
`);
    expect(config.dataplane).toBe('ipvs');
    expect(config.services[0]!.servers.map(({ method = 'nat', tunnel }) => tunnel ?? method)).toEqual([
      'direct',
      'tunnel',
      'nat',
      { type: 'gre', checksum: 'full' },
      { type: 'gue', port: 6080, checksum: 'remote' },
      'tunnel',
    ]);
    expect(leftOut).toEqual([]);
  });

  it('takes marks, SCTP, persistence engines and sync daemons to that plane', async () => {
    const { config, leftOut } = await imported(`-A -f 7 -s rr -p 60
-a -f 7 -r 192.168.1.101 -m
-a -f 7 -r 192.168.1.102:8080 -m
-A -f 4000000000 -6
-a -f 4000000000 -6 -r [fd00::1]:0 -g
-A --sctp-service 203.0.113.100:2905
-a --sctp-service 203.0.113.100:2905 -r 192.168.1.101 -m
-A -u 203.0.113.100:5060 -p --pe sip -o
-A -u 203.0.113.101:5060 -p --pe sip
--start-daemon master --mcast-interface eth2 --syncid 7
--start-daemon backup --mcast-interface eth2 --syncid 7 --mcast-group ff02::8d --mcast-port 9000 --mcast-ttl 3 --sync-maxlen 1400
`);
    expect(leftOut.map((line) => line.slice(0, 30))).toEqual(['8 udp 203.0.113.100:5060: a se']);
    expect(config.dataplane).toBe('ipvs');
    expect(config.services.map(serviceKey)).toEqual([
      'fwmark 7',
      'fwmark 4000000000 IPv6',
      'sctp 203.0.113.100:2905',
      'udp 203.0.113.101:5060',
    ]);
    expect(config.services[0]!.servers.map(({ port }) => port)).toEqual([0, 8080]);
    expect(config.services[3]!.persistence).toMatchObject({ engine: 'sip' });
    expect([...config.syncDaemons.values()]).toEqual([
      { role: 'master', interface: 'eth2', sync_id: 7, group: '224.0.0.81', port: 8848, ttl: 1 },
      {
        role: 'backup',
        interface: 'eth2',
        sync_id: 7,
        group: 'ff02::8d',
        port: 9000,
        ttl: 3,
        max_length: 1400,
      },
    ]);
  });
});
