/** Command lines, good and bad, by what they are about. */
import type { Line, Scenario } from './ipvsadm-job.ts';

/** A line in one text, words apart by blanks. */
const line = (text: string): Line => ({ argv: text.split(' ').filter((word) => word !== '') });
const lines = (text: string): readonly Line[] =>
  text
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map(line);
const words = (...argv: string[]): Line => ({ argv });

/** Names beyond those that every host has. */
export const HOSTS = [
  '9.9.9.9 a-very-long-host-name-that-never-ends.example.com',
  '9.9.9.7 short.example other.example',
  '10.0.0.9 another-rather-long-host-name-behind.example.net',
  '2001:db8::1 a-very-long-ipv6-host-name-that-never-ends.example.com',
];

const services: Scenario = {
  name: 'services',
  lines: lines(`
    -A -t 1.2.3.4:80
    -A -t 1.2.3.4:80
    -A -t 1.2.3.4
    -A -t 1.2.3.4 -p
    -A -u 1.2.3.4:53 -s rr -o
    -A --udp-service 1.2.3.4:54 --ops --scheduler wrr
    -A --sctp-service 1.2.3.4:103
    -A --sctp-service 1.2.3.4:104 -o
    -A -t 1.2.3.4:102 -o
    -A -f 1
    -A -f 2 -6
    -A -f 3 -o
    -A -f 0
    -A -f -1
    -A -f x
    -A -f 0x10
    -A -f 010
    -A -f 4294967295
    -A -f 4294967296
    -A -6 -f 5
    -A -t 1.2.3.4:87 -6
    -A -f 9 -6 -6
    -A -t 1.2.3.4:88 -s bogus
    -A -t 1.2.3.4:88 -s rr -s wrr
    -A -t 1.2.3.4:89 -s abcdefghijklmnopqrstuvwxyz
    -A -t 1.2.3.4:89 -s lblcr
    -A -t 1.2.3.4:90 -p 0
    -A -t 1.2.3.4:90 -p -1
    -A -t 1.2.3.4:90 -p x
    -A -t 1.2.3.4:90 -p 2678400
    -A -t 1.2.3.4:91 -p 2678401
    -A -t 1.2.3.4:91 -p=7
    -A -t 1.2.3.4:92 -p7
    -A -t 1.2.3.4:93 --persistent=8
    -A -t 1.2.3.4:94 --persistent 9
    -A -p -t 1.2.3.4:95
    -A -t 1.2.3.4:96 -p 10 -p 11
    -A -t 1.2.3.4:96 -M 255.255.0.0
    -A -t 1.2.3.4:97 -p -M 255.255.0.0
    -A -t 1.2.3.4:98 -p -M 16
    -A -t 1.2.3.4:99 -p -M x
    -A -t 1.2.3.4:100 -p -M 0.0.0.0
    -A -M 255.255.0.0 -t 1.2.3.4:101 -p
    -A -t [fe80::2]:80 -p -M 0
    -A -t [fe80::3]:80 -p -M 129
    -A -t [fe80::4]:80 -p -M 128
    -A -t [fe80::5]:80 -p -M ffff::
    -A -t [fe80::6]:80 -p -M 64
    -A -t [fe80::8]:80 -p -M 255.255.255.0
    -A -M 64 -t [fe80::7]:80 -p
    -A -f 31 -M 16 -6 -p
    -A -f 33 -6 -M 64 -p
    -A -f 34 -M fe80:: -6
    -A -u 1.2.3.4:105 --pe sip
    -A -u 1.2.3.4:106 --pe sip -p
    -A -u 1.2.3.4:107 --pe bogus -p
    -A -u 1.2.3.4:108 -p --pe sip -M 255.255.0.0 -o -b flag-1 -s mh
    -A -t 1.2.3.4:109 -b sh-port
    -A -t 1.2.3.4:109 -b sh-port -s sh
    -A -t 1.2.3.4:110 -s sh -b sh-port,sh-fallback
    -A -t 1.2.3.4:111 -s sh -b mh-port
    -A -t 1.2.3.4:111 -s sh -b bogus
    -A -t 1.2.3.4:112 -s mh -b mh-fallback,mh-port
    -A -t 1.2.3.4:113 -s rr -b flag-1,flag-2,flag-3
    -A -t 1.2.3.4:114 -s sh -b flag-3
    -A -t 1.2.3.4:115 -s rr -b flag-1,,flag-2
    -A -t 1.2.3.4:116 -s rr -b sh-port -w 3
    -A -t 1.2.3.4:80 -r 1.1.1.1
    -A -t 1.2.3.4:80 -w 3
    -A -t 1.2.3.4:80 --sort
    -A -t 1.2.3.4:200 --exact --stats -n
    -A
    -A -w 3
    -A -n
    -A -t
    -A -t 1.2.3.4:85 -t 1.2.3.4:86
    -A -t 1.2.3.4:85 -u 1.2.3.4:86
    -A -f 35 -t 1.2.3.4:86
    -A -t 1.2.3.4:80 foo bar
    -A foo -w 3
    -A foo --bogus
    -A -D -t 1.2.3.4:80
    -A --start-daemon x
    -A --start-daemon
    -E -t 1.2.3.4:80
    -E -t 1.2.3.4:80 -s rr -p 7
    -E -t 1.2.3.4:81 -s rr
    -E -t 1.2.3.4:80 -s bogus
    -E -t 1.2.3.4:80 -o
    -E -u 1.2.3.4:106 -s rr
    -E -t 1.2.3.4:80 -b flag-1
    -E
    -E -f 1 -p 30 -M 255.0.0.0
    -Z
    -Z -t 1.2.3.4:80
    -Z -t 1.2.3.4:81
    -Z -f 99
    -Z -f 2 -6
    -Z -n
    -Z -t 1.2.3.4:80 -s rr
    -D
    -D -t 1.2.3.4:81
    -D -t 1.2.3.4:80 -s rr
    -D -t 1.2.3.4
    -D -f 1 -6
    -D -f 2 -6
    -D -f 3
    --delete-service --tcp-service=1.2.3.4:80
    -C -n
    -C foo
    -C -b bogus
    --clear
  `),
};

const hosts: Scenario = {
  name: 'hosts and ports',
  lines: [
    ...lines(`
      -A -t 1.2.3.4:x80
      -A -t 1.2.3.4:http
      -A -u 1.2.3.4:http
      -A -u 1.2.3.4:syslog
      -A -t 1.2.3.4:syslog
      -A --sctp-service 1.2.3.4:http
      -A -t 1.2.3.4:99999
      -A -t 1.2.3.4:-1
      -A -t 1.2.3.4:
      -A -t 1.2.3:81
      -A -t 1.2.3.400:80
      -A -t 1.2.3.4.5:80
      -A -t 010.1.1.1:86
      -A -t 0x01020304:85
      -A -t 16909060:86
      -A -t short.example:81
      -A -t other.example:81
      -A -t no-such-host.invalid:80
      -A -t a-very-long-ipv6-host-name-that-never-ends.example.com:99
      -A -t [::1]:82
      -A -t ::1:83
      -A -t [::1]
      -A -t [::1
      -A -t [::1]:84x
      -A -t [::1]84
      -A -t [::1]:
      -A -t [fe80::5%lo]:84
      -A -t [1.2.3.4]:84
      -A -t [1.2.3.4]:84 -p
      -A -t [1.2.3.4]
      -A -t [short.example]:99 -p
      -A -t []:99
      -A -t :80
      -A -t 1.2.3.4:80:90
      -A -t ::5:http -p
      -A -t fe80::1 -p
      -A -t [::ffff:1.2.3.4]:86
      -A -t 0.0.0.0:86
      -A -t [ff02::1]:86
      -A -t=1.2.3.4:204
      -At1.2.3.4:202 -srr
      -At 1.2.3.4:203 -s=rr
      -At 1.2.3.4:205 -ps rr
      -At 1.2.3.4:206 -sp rr
      -A -u 1.2.3.4:99 -op
      -A -u 1.2.3.4:98 -op5
      -A -t -s rr
      -A -t -- -s rr
      -A -t 1.2.3.4:95 -p -- 7
      -A -t 1.2.3.4:95 -p -
    `),
    words('-A', '-t', ''),
    words('-A', '-t', '1.2.3.4: 84'),
    words('-A', '-t', '1.2.3.4 :86'),
    words('-A', '-t', ' 1.2.3.4:87'),
    words('-A', '-t', '1.2.3.4:+88'),
    words('-A', '-t', '1.2.3.4:089'),
    words('-A', '-f', ' 5'),
    words('-A', '-f', ''),
    words('-A', '-p', '', '-t', '1.2.3.4:80'),
    words('-A', '-t', '1.2.3.4:90', '-s', ''),
    words('-A', '-t', '1.2.3.4:91', '-s', 'rr', '-b', ''),
    words('-A', '-t', '1.2.3.4:92', '-s', 'rr', '-b', 'flag-1 '),
    words('-A', '-t', '1.2.3.4:92', '-p', '-M', ''),
    words('-A', '--persistent=', '-t', '1.2.3.4:81'),
  ],
};

const servers: Scenario = {
  name: 'servers',
  lines: [
    ...lines(`
      -A -t 1.2.3.4:80
      -A -f 1
      -A -f 2 -6
      -A -t [fe80::1]:80
      -A -t 1.2.3.4:0 -p
      -A -u 1.2.3.4:53
      -a -t 1.2.3.4:80 -r 10.0.0.1:8080 -m
      -a -t 1.2.3.4:80 -r 10.0.0.1:8080 -m
      -a -t 1.2.3.4:80 -r 10.0.0.2
      -a -t 1.2.3.4:80 -r 10.0.0.3 -i -w 7 -x 100 -y 20
      -a -t 1.2.3.4:80 -r 10.0.0.4:90 -g
      -a -f 1 -r 10.0.0.4 -g
      -a -f 1 -r 10.0.0.4:90 -m -w 99999
      -a -f 1 -r 10.0.0.5:http -m
      -a -f 77 -r 10.0.0.3:80
      -a -f 2 -6 -r [2001:db8::1] -m
      -a -f 2 -6 -r [2001:db8::1]:5 -m
      -a -f 2 -r [2001:db8::2]:5 -6 -m
      -a -f 2 -6 -r 2001:db8::3 -m
      -a -f 2 -6 -r 10.0.0.1 -m
      -a -t [fe80::1]:80 -r [2001:db8::1]:81 -m
      -a -t [fe80::1]:80 -r 2001:db8::3 -m
      -a -t [fe80::1]:80 -r [fe80::9]:8080
      -a -t [fe80::1]:80 -r 1.1.1.1 -m
      -a -t [fe80::1]:80 -r 1.1.1.1 -i
      -a -t 1.2.3.4:80 -r [2001:db8::1]:80 -m
      -a -t 1.2.3.4:80 -r [2001:db8::1]:80 -i
      -a -t 1.2.3.4:80
      -a -r 1.2.3.4:80
      -a
      -a -w x
      -a -t 1.2.3.4:80 -r 1.1.1.1 -s rr
      -a -t 1.2.3.4:80 -r 1.1.1.1 -p
      -a -t 1.2.3.4:80 -r 1.1.1.1 -m -g
      -a -t 1.2.3.4:80 -r 1.1.1.1 -m -m
      -a -t 1.2.3.4:80 -r 1.1.1.1 -w 1 -w 2
      -a -t 1.2.3.4:80 -r 1.1.1.1 -r 1.1.1.2
      -a -t 1.2.3.4:80 -r 1.1.1.1 -w -1
      -a -t 1.2.3.4:80 -r 1.1.1.1 -w 0x10
      -a -t 1.2.3.4:80 -r 1.1.1.2 -w 010 -m
      -a -t 1.2.3.4:80 -r 1.1.1.5 -w +7 -m
      -a -t 1.2.3.4:80 -r 1.1.1.6 -w 2147483647 -m
      -a -t 1.2.3.4:80 -r 1.1.1.7 -w 2147483648 -m
      -a -t 1.2.3.4:80 -r 1.1.1.8 -x 2147483647 -y 2147483647 -m
      -a -t 1.2.3.4:80 -r 1.1.1.9 -x 2147483648 -m
      -a -t 1.2.3.4:80 -r 1.1.1.9 -y x -m
      -a -t 1.2.3.4:80 -r 1.1.1.9 -x 10 -y 20 -m
      -a -t 1.2.3.4:80 -r 1.1.1 -m
      -a -t 1.2.3.4:80 -r 1.1.1.11:x -m
      -a -t 1.2.3.4:80 -r 1.1.1.11:0 -m
      -a -t 1.2.3.4:80 -r 1.1.1.12:70000 -m
      -a -t 1.2.3.4:80 -r short.example:http -m
      -a -t 1.2.3.4:80 -r 0.0.0.0 -m
      -a -t 1.2.3.4:80 -r 224.0.0.1 -m
      -a -t 1.2.3.4:80 -r 127.0.0.1 -m
      -a -t 1.2.3.4:0 -r 10.0.0.1 -m
      -a -t 1.2.3.4:0 -r 10.0.0.2:80 -m
      -a -t 1.2.3.4:0 -r 10.0.0.3:80 -g
      -a -t 1.2.3.4 -r 10.0.0.4 -g
      -a -r 10.0.1.1 -t 1.2.3.4:80 -g
      -a -r 10.0.1.2:9 -t 1.2.3.4:80 -g
      -a -r 10.0.1.3 -t 1.2.3.4:80 -m
      -a -r 10.0.1.4:http -t 1.2.3.4:80 -m
      -a -u 1.2.3.4:53 -r 10.0.0.1:http -m
      -a -u 1.2.3.4:53 -r 10.0.0.1:domain -m
      -at 1.2.3.4:80 -r10.0.2.1 -mw3
      -at 1.2.3.4:80 -r10.0.2.2 -mw=4
      --add-server --tcp-service 1.2.3.4:80 --real-server 10.0.2.3 --masquerading --weight 6 --u-threshold 7 --l-threshold 5
      -a -t 1.2.3.4:80 --real-server 1.1.1.2 --gatewaying=3
      -a -t 1.2.3.4:80 --real-server
      -a -t x -r y
      -a -r y -t x
      -a -t 1.2.3.4:80 -r 1.1.1.1 --weight 5 -i --tun-port 3 -s rr
      -e -t 1.2.3.4:80 -r 10.0.0.1:8080 -m -w 9
      -e -t 1.2.3.4:80 -r 10.0.0.1:8080
      -e -t 1.2.3.4:80 -r 10.9.0.25 -m
      -e -t 1.2.3.4:81 -r 10.9.0.25 -m
      -e -t 1.2.3.4:80 -r 10.0.0.3 -i -x 5
      -e -t 1.2.3.4:80 -r ::1
      -d -t 1.2.3.4:80 -r 10.0.0.1:8080
      -d -t 1.2.3.4:80 -r 10.0.0.1:8080
      -d -t 1.2.3.4:80 -r 10.0.0.2 -m
      -d -t 1.2.3.4:80
      -d -t 1.2.3.4:81 -r 1.1.1.1
      -d -f 2 -r [2001:db8::2]:5 -6
      -d -t 1.2.3.4:80 -r [::1]:90
      -d -r 10.0.1.3 -t 1.2.3.4:80
      --delete-server -f 1 -r 10.0.0.4
    `),
    words('-a', '-t', '1.2.3.4:80', '-r', '1.1.2.3', '-w', ' 7', '-m'),
    words('-a', '-t', '1.2.3.4:80', '-r', '1.1.2.4', '-w', '7 ', '-m'),
    words('-a', '-t', '1.2.3.4:80', '-r', '1.1.2.4', '-w', '', '-m'),
  ],
};

const TUNNEL_OPTIONS = ['--tun-port 5', '--tun-nocsum', '--tun-csum', '--tun-remcsum'];
/** Every choice of some of these. */
const choices = (of: readonly string[]): readonly string[] =>
  Array.from({ length: 2 ** of.length }, (_, bits) => of.filter((_, i) => (bits >> i) & 1).join(' '));

const tunnels: Scenario = {
  name: 'tunnels',
  lines: [
    line('-A -t 1.2.3.4:80'),
    ...['-i', '-i --tun-type gue', '-i --tun-type gre', '-m', '--tun-type gue'].flatMap((kind, i) =>
      choices(TUNNEL_OPTIONS)
        .filter((_, j) => i < 3 || j % 5 === 0)
        .map((some, j) => line(`-a -t 1.2.3.4:80 -r 10.1.${i}.${j} ${kind} ${some}`)),
    ),
    ...lines(`
      -a -t 1.2.3.4:80 -r 10.2.0.9 -i --tun-type bogus
      -a -t 1.2.3.4:80 -r 10.2.0.10 -i --tun-type gue --tun-port 0
      -a -t 1.2.3.4:80 -r 10.2.0.11 -i --tun-type gue --tun-port 65536
      -a -t 1.2.3.4:80 -r 10.2.0.12 --tun-type=gue -i --tun-port=65535
      -e -t 1.2.3.4:80 -r 10.2.0.12 -m
      -d -t 1.2.3.4:80 -r 10.2.0.12 --tun-csum
      -a -t 1.2.3.4:80 -r [fe80::9]:80 -m --tun-type gue
      -a -t 1.2.3.4:80 -r ::1 -i --tun-csum
      -Ln --tun-info
    `),
  ],
};

const settings: Scenario = {
  name: 'time-outs and sync daemons',
  lines: [
    ...lines(`
      --set
      --set 1 2
      --set 1 2 3 4
      --set 1 2 3 4 -n
      --set 1 2 3 -n
      --set -n 1 2 3
      --set=1 2 3
      --set x 2 3
      --set x -n 1 3
      --set 1 x -b bogus
      --set -1 2 3
      --set 0 0 0
      --set 0 0 77
      --set 5 6 7
      --set 2678400 2678400 2678400
      --set 2678401 1 1
      --set 4294967296 1 1
      --start-daemon
      --start-daemon foo
      --start-daemon mas
      --start-daemon x --syncid 999
      --start-daemon master --mcast-interface no-such-if
      --start-daemon master --mcast-interface abcdefghijklmnopqrstuvw
      --start-daemon master --mcast-interface lo --syncid 256
      --start-daemon master --mcast-interface lo --syncid -1
      --start-daemon master --mcast-interface lo --sync-maxlen 0
      --start-daemon master --mcast-interface lo --sync-maxlen 65508
      --start-daemon master --mcast-interface lo --mcast-ttl 0
      --start-daemon master --mcast-interface lo --mcast-ttl 256
      --start-daemon master --mcast-interface lo --mcast-port 0
      --start-daemon master --mcast-interface lo --mcast-port 65536
      --start-daemon master --mcast-interface lo --mcast-group 1.2.3.4
      --start-daemon master --mcast-interface lo --mcast-group x
      --start-daemon master --mcast-interface lo --mcast-group fe80::1
      --start-daemon master --mcast-interface lo --mcast-group 224.1
      --start-daemon master --mcast-interface lo --syncid 5 --syncid 6
      --start-daemon master --mcast-interface lo -n
      --start-daemon master --mcast-interface lo foo
      --start-daemon master --mcast-interface lo --mcast-group 224.1.2.3 --mcast-ttl 3 --mcast-port 99 --sync-maxlen 1000 --syncid 5
      --start-daemon master --mcast-interface lo
      --start-daemon=backup --mcast-interface=lo --mcast-group=ff02::5
      -L --daemon
      --stop-daemon foo
      --stop-daemon
      --stop-daemon x y
      --stop-daemon master --mcast-interface lo
      --stop-daemon backup --stop-daemon master
      --stop-daemon master --syncid 3
      --stop-daemon=master
      --stop-daemon backup
    `),
    words('--set', ' 5', '+6', '07'),
    words('--start-daemon', 'master', '--mcast-interface', ''),
    words('--start-daemon', '', '--mcast-interface', 'lo'),
    words('--start-daemon', 'master', '--mcast-group', ''),
  ],
};

const misuse: Scenario = {
  name: 'misuse',
  shared: true,
  rules: '-A -t 1.2.3.4:80\n-a -t 1.2.3.4:80 -r 10.0.0.1 -m\n',
  lines: [
    ...lines(`
      --bogus
      -Q
      foo
      foo -L
      foo -L -n
      -
      - -L
      -- -L
      -n
      -n -L
      --numeric=3 -L
      -nL
      -t 1.2.3.4:80
      -6 -A -f 5
      --lis
      --list=1
      --help=1
      -L -A
      -L -h
      -L -v
      -La
      -LA
      -AL
      -CR
      -Lnz
      -Lnfoo
      -Ln=3
      -L -n=3
      -L --num
      -L --=
      -L ---n
      -L --numeric=1
      -L -numeric
      -L --
      -L -- -n
      -L -
      -Ln extra
      -L -nt
      -L -r
      -L --real-server
      -L -6
      -L -t x
      -L -f 0
      -L -r 1.2.3.4
      -L -s rr
      -L -b bogus
      -L -b flag-1
      -L -o
      -L --pe sip
      -L --mcast-ttl 3
      -L --mcast-interface lo
      -L --tun-csum
      -L --syncid 1
      -L --set 1
      -L -c --stats
      -L -c --rate
      -L -c --thresholds
      -L -c -t 1.2.3.4:80
      -L -c foo
      -L --timeout --daemon
      -L --timeout --stats
      -L --timeout --persistent-conn
      -L --timeout --tun-info
      -L --timeout --nosort --exact -n
      -L --timeout -c
      -L --timeout -t 1.2.3.4:80
      -L --daemon -t 1.2.3.4:80
      -L --daemon -c
      -L --daemon --thresholds
      -L -n -n
      -L --stats --stats
      -L --nosort --nosort
      -L --sort --sort
      -S -t 1.2.3.4:80
      -S -c
      -S -n -n
      -S -L
      -Sz
      -S --daemon
      -S -6
      -nS
      -R -n
      -R x
      -Z foo
      -D -f 1 -t x
      -D -t x -f 1
      -D -t 1.2.3.4:9 -b bogus
      -A -b sh-port
      -A -t 1.2.3.4 -b bogus
    `),
    words(''),
    words('', '-L'),
    words('-L', ''),
  ],
};

const LISTINGS = lines(`
  -L
  -Ln
  -l
  --list --numeric
  -L --stats
  -Ln --stats
  -Ln --stats --exact
  -Ln --rate
  -Ln --rate --exact
  -L --thresholds
  -Ln --thresholds
  -L --persistent-conn
  -Ln --persistent-conn
  -L --tun-info
  -Ln --tun-info
  -Ln --stats --rate
  -Ln --rate --thresholds
  -Ln --thresholds --persistent-conn
  -Ln --persistent-conn --tun-info
  -Ln --nosort
  -L --sort
  -Ln -t 1.2.3.4:80
  -L -t 1.2.3.4:80
  -Ln -t 1.2.3.4:80 --stats
  -Ln -t 1.2.3.4:81
  -Ln -f 1
  -Ln -f 2
  -Ln -f 2 -6
  -S
  -Sn
  --save --numeric
  -L -c
  -Lnc
  -Lc --persistent-conn
  -Lnc --persistent-conn
  -L -c --exact
  -L -c --nosort --tun-info
  -L --timeout
  -Ln --daemon
`);

const listings: Scenario = {
  name: 'listings',
  shared: true,
  rules: `-A -t 1.2.3.4:80
-a -t 1.2.3.4:80 -r 10.0.0.10:80 -m -w 12
-a -t 1.2.3.4:80 -r 10.0.0.9:80 -m -x 100 -y 50
-a -t 1.2.3.4:80 -r 10.0.0.9:8 -m -w 0
-a -t 1.2.3.4:80 -r 10.3.0.9:8 -g -w 2147483647
-a -t 1.2.3.4:80 -r 10.3.0.10:8 -i --tun-type gue --tun-port 6080
-a -t 1.2.3.4:80 -r 10.3.0.11:8 -i --tun-type gre --tun-csum
-a -t 1.2.3.4:80 -r 10.3.0.12:8 -i --tun-type gue --tun-port 65535 --tun-remcsum
-A -t 1.2.3.4:443 -s sh -b sh-port,sh-fallback -p 50 -M 255.255.255.0
-A -t 1.2.3.3:443 -s mh -b flag-3
-A -u 1.2.3.4:53 -o
-A -u [fe80::1]:53
-A --sctp-service 1.2.3.4:5
-A -f 1
-a -f 1 -r 10.0.0.9:80 -m
-A -f 2 -6 -p -M 64
-A -u 9.9.9.9:9999 -s rr
-a -u 9.9.9.9:9999 -r 127.0.0.1:9998 -m
-a -u 9.9.9.9:9999 -r 10.0.0.9:99 -m -w 0
-A -u 9.9.9.7:5060 -s rr -p --pe sip
-a -u 9.9.9.7:5060 -r 127.0.0.1:5066 -m
-A -u [2001:db8::1]:5060 -s rr -p -M 64 --pe sip
-a -u [2001:db8::1]:5060 -r [2001:db8::9]:65000 -m
-A -u [2001:db8:1111:2222:3333:4444:5555:6666]:53 -s rr -p
-a -u [2001:db8:1111:2222:3333:4444:5555:6666]:53 -r [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:5353 -m
`,
  addresses: [
    '9.9.9.9',
    '9.9.9.7',
    '2001:db8::1',
    '2001:db8::9',
    '2001:db8:1111:2222:3333:4444:5555:6666',
    '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff',
  ],
  datagrams: [
    ['9.9.9.9', 9999, 'x'],
    ['9.9.9.7', 5060, 'INVITE sip:a@b SIP/2.0\r\nCall-ID: some%call@1.2.3.4\r\nCSeq: 1 INVITE\r\n\r\n'],
    ['2001:db8::1', 5060, 'INVITE sip:a@b SIP/2.0\r\nCall-ID: another@1.2.3.4\r\nCSeq: 1 INVITE\r\n\r\n'],
    ['2001:db8:1111:2222:3333:4444:5555:6666', 53, 'x'],
  ],
  lines: [words(), ...LISTINGS],
};

const ODD = [
  '1.1.1.1',
  '60.0.0.0',
  '127.0.0.1',
  '128.0.0.1',
  '160.0.0.0',
  '200.0.0.1',
  '254.1.1.1',
  '10.0.0.1',
];
const ODD_IPV6 = [
  '2001:db8::1',
  '8000::1',
  '7fff::1',
  '0:0:0:ffff::1',
  'ffff::',
  '::8000:1',
  '2001:db8:8000::1',
  '::2',
  'c000::',
  '4000::',
];

/** Addresses far apart, of which the real one makes an order of its own. */
const order: Scenario = {
  name: 'the order of addresses far apart',
  shared: true,
  rules: [
    ...ODD.flatMap((one) => [80, 9080, 40000].map((port) => `-A -t ${one}:${port}`)),
    ...ODD.map((one) => `-A -u ${one}:80`),
    ...ODD_IPV6.flatMap((one) => [80, 40000].map((port) => `-A -t [${one}]:${port}`)),
    ...ODD.flatMap((one) => [9, 40000].map((port) => `-a -t 1.1.1.1:80 -r ${one}:${port} -m`)),
    ...ODD_IPV6.filter((one) => one !== 'ffff::').map((one) => `-a -t [::2]:80 -r [${one}]:9 -m`),
    ...[1, 2, 2147483647, 2147483648, 4294967290].map((mark) => `-A -f ${mark}\n-A -f ${mark} -6`),
    '',
  ].join('\n'),
  lines: lines('-Ln\n-Sn\n-Ln --nosort\n-Ln --stats\n-L'),
};

const rules = (input: string): Line => ({ argv: ['-R'], ours: ['-R', '--strict-compat'], input });

const restoring: Scenario = {
  name: 'rules',
  lines: [
    '-A -t 1.2.3.4:80\n-a -t 1.2.3.4:80 -r 1.1.1.1\n',
    'ipvsadm -A -t 1.2.3.5:80\n',
    '/sbin/ipvsadm -A -t 1.2.3.6:80\n',
    '\n\n  \n-A -t 1.2.3.7:80\n\n',
    '# comment\n-A -t 1.2.3.8:80\n',
    '   -A\t-t   1.2.3.9:80   \n',
    '-A -t 1.2.3.10:80',
    '-A -t "1.2.3.11:80"\n',
    '-A -t 1.2.3.4:80\n-A -t 1.2.3.12:80\n',
    '-A -t 1.2.3.13:80\n-A -t 1.2.3.4:80\n',
    '-A -t 1.2.3.14:80\n-A -t bogus\n-A -t 1.2.3.15:80\n',
    '-A -t 1.2.3.16:80\n-A -t 1.2.3.17:81 --bogus\n-A -t 1.2.3.18:80\n',
    '-A -t 1.2.3.19:80\nfoo\n-A -t 1.2.3.20:80\n',
    '-a -t 1.2.5.9:80 -r 1.1.1.1\n-A -t 1.2.3.21:80\n',
    '-L -n -t 1.2.3.4:80\n-A -t 1.2.3.22:80\n',
    '-E -t 1.2.3.4:80 -s rr\n-Z\n--set 1 2 3\n-D -t 1.2.3.5:80\n',
    '-R\n-A -t 1.2.3.23:80\n',
    '-A -t 1.2.3.24:80\r\n-A -t 1.2.3.25:80\r\n',
    '-A ipvsadm -t 1.2.3.26:80 ipvsadm\n',
    'ipvsadm\nipvsadm ipvsadm -A -t 1.2.3.27:80\n',
    '-A -t 1.2.3.28:80 -p\n-A -f 2 -6\n',
    '-a -t 1.2.3.4:80 -r 1.1.1.1 -i --tun-type gue\n-A -t 1.2.3.29:80\n',
    '-A -t 1.2.3.30:80\n\0\u0001\u0002\n-A -t 1.2.3.31:80\n',
    '-A -t 1.2.3.32:80\0foo -s rr\n',
    '-A -t 1.2.3.33:80 -s ipvsadm\n-A -t 1.2.3.34:80 -s\n',
    '-A -t 1.2.3.35:80 \v -s rr\n',
    '-C\n-A -t 1.2.3.36:80\n',
    '',
    '\n',
  ].map(rules),
};

/** Read as a whole, with nothing but refusals of ip_vs in them: as line by line. */
const restoringAtOnce: Scenario = {
  name: 'rules at once',
  lines: [
    '-A -t 1.2.3.4:80\n-A -t 1.2.3.4:80\n-a -t 1.2.3.9:80 -r 1.1.1.1\n-a -t 1.2.3.4:80 -r 1.1.1.1 -m\n',
    '-a -t 1.2.3.4:80 -r 1.1.1.1 -m\n-e -t 1.2.3.4:80 -r 1.1.1.2 -m\n-d -t 1.2.3.4:80 -r 1.1.1.3\n',
    '-A -t 1.2.3.5:80 -s bogus\n-L -n -t 1.2.3.4:80\n-E -t 1.2.3.4:80 -s rr -p\n-E -t 1.2.3.6:80\n-D -t 1.2.3.6:80\n',
    `-A -u 1.2.3.7:53\n${Array.from({ length: 200 }, (_, i) => `-a -u 1.2.3.7:53 -r 10.0.1.${i % 150} -m -w ${i}\n`).join('')}`,
    '-C\n--set 5 6 7\n-A -f 1\n-Z\n',
  ].map((input) => ({ argv: ['-R'], input })),
};

/** All scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  services,
  hosts,
  servers,
  tunnels,
  settings,
  misuse,
  listings,
  order,
  restoring,
  restoringAtOnce,
];
