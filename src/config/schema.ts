/** The shape of a configuration file: every key, its default and its description. Messages and documents are made from it. */
import { z } from 'zod';
import { ON_FAILURES, STARTS } from '../core/model/check.ts';
import { DEFAULT_LIMITS } from '../core/model/config.ts';
import { DATAPLANES, FORWARDINGS, HOW_ATTACHED } from '../core/model/host.ts';
import { MAX_NOTIFY, NOTIFY_EVENTS } from '../core/model/notify.ts';
import { MAX_RANGES } from '../core/model/ports.ts';
import {
  MAX_SERVERS,
  MAX_THRESHOLD,
  MAX_WEIGHT,
  METHODS,
  NO_SERVER,
  ON_DOWN,
  PROTOCOLS,
  SCHEDULER_FLAGS,
  SCHEDULERS,
} from '../core/model/service.ts';
import { DEFAULT_SLOW_START_STEPS, MAX_SLOW_START_STEPS } from '../core/model/slow-start.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from '../core/model/state.ts';
import { commandField } from './check-dns.ts';
import { checksField } from './check-schema.ts';
import {
  addressField,
  countField,
  durationBetween,
  durationField,
  hostPrefixField,
  interfaceField,
  interfacesField,
  labelField,
  networkField,
  numberField,
  percentField,
  portRangeField,
  switchField,
  targetField,
  wordField,
} from './fields.ts';
import { flapDampingField } from './flap-damping.ts';
import { markFields, syncDaemonsField, tunnelField } from './ipvs-fields.ts';
import { persistenceField } from './persistence-field.ts';
import { SYSCTL_PATTERN, sysctlValueField } from './sysctl.ts';
import { formatCount, formatDuration } from './units.ts';

const port = numberField('a port', 0, 65_535);

const director = z.strictObject({
  public: interfacesField.describe('The interface, or interfaces, that clients come in by.'),
  private: interfacesField.describe('The interface, or interfaces, behind which the real servers are.'),
  forwarding: wordField('a way of forwarding', FORWARDINGS)
    .default('redirect')
    .describe(
      "How balanced packets go on: redirect, straight to their next hop, past the host's netfilter; or stack, by its routing and netfilter, which costs more. Connections that are open when stack is chosen are still redirected.",
    ),
  attach: wordField('a way of attaching programs', HOW_ATTACHED)
    .default('auto')
    .describe(
      'How programs are attached to interfaces: tcx (Linux 6.6 and newer), clsact (older ones, too), or auto: tcx where the kernel has it. A change takes effect when the daemon is started again.',
    ),
  retire_after: durationField
    .default(3_600_000)
    .describe(
      'After an upgrade that has changed the tables: how long the program before it may finish its connections, 1s to 20d.',
    )
    .meta({ shown: '1h' }),
  look_every: durationField
    .default(5_000)
    .describe(
      'How often the daemon looks whether all is still as configured, and puts right what somebody has changed by hand, 1s to 20d.',
    )
    .meta({ shown: '5s' }),
});

const vip = z.strictObject({
  address: hostPrefixField.describe(
    "The virtual IP and its network's prefix length; without a length it is the address alone (/32 or /128).",
  ),
  interface: interfaceField
    .optional()
    .describe("The director's interface that holds it. Default: the first public one."),
  label: labelField
    .optional()
    .describe("IPv4 only: the address's label, such as eth0:0; it begins with the interface's name."),
});

const state = (name: keyof Timeouts) => {
  const unit = name === 'udp' ? 'a UDP connection' : `a TCP connection in ${name.toUpperCase()}`;
  const usual = formatDuration(DEFAULT_TIMEOUTS[name]);
  return durationField
    .optional()
    .describe(`How long ${unit} may stay idle, 1s to 20d. Default: ${usual}, as in ip_vs.`);
};

const timeouts = z.strictObject({
  none: state('none'),
  established: state('established'),
  syn_sent: state('syn_sent'),
  syn_recv: state('syn_recv'),
  fin_wait: state('fin_wait'),
  time_wait: state('time_wait'),
  close: state('close'),
  close_wait: state('close_wait'),
  last_ack: state('last_ack'),
  listen: state('listen'),
  synack: state('synack'),
  udp: state('udp'),
} satisfies Record<keyof Timeouts, unknown>);

const method = wordField('a forwarding method', METHODS);

const serverKeys = z.strictObject({
  address: addressField.describe("The real server's address, of the same family as the service's."),
  port: port
    .optional()
    .describe(
      "The real server's port. Default: the service's, and where that is several or every port, the one that the client asks for; 0 says so, too.",
    ),
  weight: numberField('a weight', 0, MAX_WEIGHT)
    .default(1)
    .describe(
      "Its share relative to the service's other servers; at 0 it takes no new connections and keeps those it has.",
    ),
  upper_threshold: numberField('a number of connections', 0, MAX_THRESHOLD)
    .default(0)
    .describe('It gets no new connections while it has so many, as by ipvsadm -x; 0: any number.'),
  lower_threshold: numberField('a number of connections', 0, MAX_THRESHOLD)
    .default(0)
    .describe(
      'Once it has reached the upper threshold, it gets new ones again when it has fewer than so many, as by -y; 0: than three quarters of the upper threshold.',
    ),
  method: method.optional().describe("How packets get to it. Default: the service's `method`."),
  tunnel: tunnelField.describe("Its own tunnel, with the same keys. Default: the service's `tunnel`."),
  checks: checksField
    .optional()
    .describe("Its own health checks in place of the service's, with the same keys; [] for none."),
});

const server = serverKeys.meta({
  noun: 'a server',
  expected: 'a group of keys such as {address: 192.168.1.101, port: 80}',
});

/** For editors: what a service goes by. */
const NAMED = [{ required: ['protocol', 'address'] }, { required: ['fwmark'] }];

const service = z
  .strictObject({
    protocol: wordField('a protocol', PROTOCOLS)
      .optional()
      .describe('The transport protocol; sctp needs `dataplane: ipvs`. Required unless there is `fwmark`.'),
    address: targetField
      .optional()
      .describe(
        'The virtual IP that clients connect to; or a prefix, and so all addresses in it that are routed to the director. Required unless there is `fwmark`.',
      ),
    port: port
      .optional()
      .describe(
        'The port that clients connect to; 0 is every port that no other service has, and needs `persistence`. Required unless there are `ports` or `fwmark`.',
      ),
    ports: z
      .array(portRangeField)
      .min(1)
      .max(MAX_RANGES)
      .meta({
        noun: 'a list of ports',
        expected: `a list of 1 to ${MAX_RANGES} such as [80, 443, 8000-8100]`,
      })
      .optional()
      .describe(
        'In place of `port`: several ports and ranges of one service, which share its servers, turns and persistence.',
      ),
    ...markFields,
    scheduler: wordField('a scheduler', SCHEDULERS)
      .default('wlc')
      .describe(
        'Who gets the next connection: rr in turn, wrr in turn by weight, lc the server with the fewest connections, wlc the same by weight; the others are in the guide to schedulers.',
      ),
    scheduler_flags: z
      .array(wordField('a scheduler flag', SCHEDULER_FLAGS))
      .meta({ noun: 'a list of scheduler flags', expected: 'a list such as [sh-port, sh-fallback]' })
      .default([])
      .describe(
        'For sh and mh: -port counts the port as part of the client, -fallback gives the clients of a server of weight 0 to others.',
      ),
    persistence: persistenceField
      .optional()
      .describe(
        'A client that comes back gets the server it had. Default: every connection goes where the scheduler says.',
      ),
    sloppy_tcp: switchField
      .default(false)
      .describe(
        "true: a connection may begin with any segment but a reset, as by the parameter of ip_vs, so that connections from another director's time are taken up; false: with a SYN.",
      ),
    secure_tcp: switchField
      .default(false)
      .describe(
        "true: TCP's states by the stricter table of ip_vs, in which a connection is established by the server's acknowledgement alone.",
      ),
    one_packet: switchField
      .default(false)
      .describe(
        "true: of UDP every packet is scheduled anew, and no connection is kept or listed, as by ipvsadm's -o; false: packets of one client's address and port go to one server.",
      ),
    timeouts: timeouts
      .default({})
      .describe(
        'Idle times of this service alone, with the keys of the top-level `timeouts`, whose values hold for the others.',
      ),
    checks: checksField
      .optional()
      .describe(
        'Health checks of its servers; a server is up while all of them pass. Default: none, all are up.',
      ),
    quorum: numberField('a weight', 1, MAX_SERVERS * MAX_WEIGHT)
      .optional()
      .describe(
        'How much of the configured weight has to be up for the service to be served by its servers; below, all clients go to the sorry server. Default: any.',
      ),
    hysteresis: numberField('a weight', 0, MAX_SERVERS * MAX_WEIGHT)
      .default(0)
      .describe(
        'The quorum is lost below itself less this, and met again from itself and this on; less than the quorum.',
      ),
    panic_threshold: percentField
      .optional()
      .describe(
        'When fewer of its servers are up, the checks are suspected: all servers get traffic by their configured weights, whatever the checks and the quorum say; until so many are up again, and a tenth of the servers more. Default: no panic.',
      ),
    flap_damping: flapDampingField
      .optional()
      .describe(
        'A server that goes down again and again is held down until it has been calm, as long as the others do without it; {} takes all defaults. Default: it comes and goes as its checks say.',
      ),
    slow_start: durationBetween(1_000, 86_400_000)
      .optional()
      .describe(
        'How long a server that is added, or comes back, takes to get its whole weight, 1s to 1d. Default: it gets it at once.',
      ),
    slow_start_steps: countField(1, MAX_SLOW_START_STEPS)
      .optional()
      .describe(
        `slow_start: in how many steps its weight rises; with 4 it gets a fifth at once, then two, three and four, and at last all. Default: ${DEFAULT_SLOW_START_STEPS}.`,
      ),
    start_as: wordField('a state', STARTS)
      .default('up')
      .describe("What a new server counts as until it has been checked; down is keepalived's alpha."),
    on_failure: wordField('a way to treat a server that is down', ON_FAILURES)
      .default('remove')
      .describe(
        "What becomes of a server that is down: remove takes it out of scheduling; inhibit sets its weight to 0, as keepalived's inhibit_on_failure. What becomes of its connections says `on_down`.",
      ),
    on_down: wordField('what to do with connections', ON_DOWN)
      .default('keep')
      .describe(
        'What becomes of the connections of a server that goes down by its checks, or whose drain comes to its deadline: keep, they stay; reset, TCP clients get a reset, and UDP clients go to another server.',
      ),
    method: method
      .default('nat')
      .describe(
        'How packets get to its servers: nat, with their addresses rewritten; direct, as they are, to the MAC address of the server; tunnel, as they are, inside others. The last two need `dataplane: ipvs`, and servers that have the virtual IP themselves.',
      ),
    tunnel: tunnelField.describe('What carries the packets of `method: tunnel`. Default: IP in IP.'),
    servers: z
      .array(server)
      .max(MAX_SERVERS)
      .meta({ noun: 'a list of servers', expected: `a list of at most ${MAX_SERVERS} servers` })
      .describe(`The real servers, at most ${MAX_SERVERS}; may be empty.`),
    sorry_server: z
      .strictObject({
        address: addressField.describe("Its address, of the same family as the service's."),
        port: port.optional().describe("Its port. Default: the service's."),
      })
      .optional()
      .describe(
        'The server that takes new connections while no other can; not one of `servers`. Default: nobody does.',
      ),
    no_server: wordField('what to do', NO_SERVER)
      .default('reject')
      .describe(
        'What a client gets when nobody is there for its connection: reject, a TCP reset or an ICMP error; drop, no answer.',
      ),
  })
  .meta({ anyOf: NAMED });

const masquerade = z.strictObject({
  source: networkField.describe('Whose connections: a network; its host bits are cleared.'),
  interface: interfaceField
    .optional()
    .describe(
      "The director's interface they leave by, and whose address they get. Default: the first public one.",
    ),
});

const notify = z.strictObject({
  command: commandField.describe(
    'The absolute path of a program, and its arguments, after which come the event, the service and, where it is about one, the server. No shell.',
  ),
  events: z
    .array(wordField('an event', NOTIFY_EVENTS))
    .min(1)
    .meta({ noun: 'a list of events', expected: 'a list such as [server_down, server_up]' })
    .default([...NOTIFY_EVENTS])
    .describe('Which events it is run on. Default: all of these.'),
  timeout: durationBetween(100, 600_000)
    .prefault('10s')
    .describe('How long it may take, 100ms to 10m; then it is killed with all that it has started.'),
});

const host = z.strictObject({
  sysctls: z
    .record(
      z.string().meta({ pattern: SYSCTL_PATTERN }),
      sysctlValueField.describe('The value as the kernel spells it, without units.'),
    )
    .meta({ noun: 'a group of kernel parameters', expected: 'lines such as net.ipv4.tcp_fin_timeout: 30' })
    .default({})
    .describe(
      'Kernel parameters by name, net.* only; a dot within an interface name is written "/" (net.ipv4.conf.eth0/100.rp_filter), as in sysctl(8).',
    ),
});

const limit = (name: keyof typeof DEFAULT_LIMITS, min: number, max: number, text: string) =>
  countField(min, max)
    .default(DEFAULT_LIMITS[name])
    .describe(`${text}, ${min.toLocaleString('en')} to ${max.toLocaleString('en')}.`)
    .meta({ shown: formatCount(DEFAULT_LIMITS[name]) });

const limits = z.strictObject({
  connections_ipv4: limit('connections_ipv4', 16, 16_777_216, 'The most IPv4 connections at a time'),
  connections_ipv6: limit('connections_ipv6', 16, 16_777_216, 'The most IPv6 connections at a time'),
  half_open: limit(
    'half_open',
    16,
    1_048_576,
    'The most half-open TCP connections at a time, the oldest of which makes room for one more',
  ),
  fragments: limit(
    'fragments',
    64,
    1_048_576,
    'The most entries for datagrams that come in fragments, two for each that is forwarded; an eighth as many fragments that come before the first of theirs are held, 2 KiB each',
  ),
  services: limit('services', 1, 65_536, 'The most virtual services'),
  servers: limit(
    'servers',
    1,
    1_048_576,
    'The most real servers over all services, those still finishing connections included',
  ),
  answer_rate: limit(
    'answer_rate',
    0,
    1_000_000,
    'The most ICMP errors and resets that each CPU sends a second for packets it cannot forward; as many again say how large a packet may be',
  ),
  answer_burst: limit('answer_burst', 1, 1_000_000, 'The most of them at once'),
});

/** A configuration file. Its input is what the file says, its output has defaults filled in and values parsed. */
export const configSchema = z
  .strictObject({
    dataplane: wordField('a data plane', DATAPLANES)
      .default('auto')
      .describe(
        "Who directs the packets: bpf, Weir's own eBPF program; ipvs, the kernel's ip_vs; or auto: bpf where the kernel can run it, else ipvs. From one to the other: `weir migrate`, or `weir down` and a new start.",
      ),
    director: director.describe("The director's own network interfaces."),
    vips: z.array(vip).default([]).describe('Virtual IPs that Weir adds to the director and removes again.'),
    timeouts: timeouts.default({}).describe('Idle times of connections by state, for all services.'),
    sync_daemons: syncDaemonsField,
    services: z.array(service).describe('The virtual services; may be empty.'),
    masquerade: z
      .array(masquerade)
      .default([])
      .describe(
        "Source NAT for connections that the real servers open themselves, in Weir's own nftables table.",
      ),
    notify: z
      .array(notify)
      .max(MAX_NOTIFY)
      .meta({ noun: 'a list of commands', expected: `a list of at most ${MAX_NOTIFY} commands` })
      .default([])
      .describe('Programs that are run when something happens, each once at a time.'),
    host: host.prefault({}).describe('Settings of the host.'),
    limits: limits
      .prefault({})
      .describe(
        'Sizes of the tables in the kernel, which are made once: a change takes effect after `weir down`. And how often the packet path may answer by itself, which takes effect with the next start.',
      ),
  })
  .meta({ noun: 'a configuration', expected: 'the keys director and services at least' });

/** What `configSchema` makes of a file. */
export type ParsedFile = z.output<typeof configSchema>;
