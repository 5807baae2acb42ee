/**
 * Runs in the guest: plays scenarios to the kernel's ip_vs, and reads from its connection table whom it chose.
 * Standard input: Scenario[]; standard output: ScheduleAnswer.
 *
 * No client and no server is there. Frames are written to one end of a veth pair and come in by the other; the virtual
 * addresses are local (AnyIP); what ip_vs sends on ends in a dummy interface. ip_vs needs no answer to take a TCP
 * connection for established: SYN and ACK of the client do.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { addressBytes, type Endpoint, familyOf, formatEndpoint } from '../../src/core/address/address.ts';
import { libc } from '../../src/kernel/libc.ts';
import { frameOf, transportPacket } from '../contract/frames.ts';
import { type Choices, choiceLetter, type Opening, openingsOf, type Scenario } from './scenario.ts';

/** What the guest found. */
export interface ScheduleAnswer {
  /** `uname -r`. */
  readonly kernel: string;
  /** In the order of the scenarios. */
  readonly choices: readonly Choices[];
}

/** linux/if_packet.h, bits/socket.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const FLAG = { syn: 0x02, rst: 0x04, ack: 0x10, finAck: 0x11 } as const;

/** Played side by side, and then the connection table is read. */
const SCENARIOS_A_READING = 150;
/** Connections in SYN_RECV and CLOSE_WAIT live 60 s (ip_vs_proto_tcp.c), so a reading has to come before, in ms. */
const READ_WITHIN = 50_000;

/** How long connections in CLOSE live, and some more, in ms. */
const REST = 12_000;

const NETWORK = `link add c0 type veth peer name d0
link set c0 up
link set d0 up
link set dummy0 up
addr add 192.0.2.1/32 dev lo
route add local 203.0.113.0/24 dev lo
route add local fdaa:1::/32 dev lo
route add 0.0.0.0/0 dev dummy0
route add ::/0 dev dummy0
`;

/** Runs a program that reads its commands; once for many of them, as starting one takes 0.1 s in the guest. */
function tell(argv: readonly [string, ...string[]], commands: string): void {
  const [file, ...rest] = argv;
  execFileSync(file, rest, { input: commands, stdio: ['pipe', 'inherit', 'inherit'] });
}

const ipvsadm = (lines: readonly string[]): void =>
  tell(['ipvsadm', '-R'], lines.map((line) => `${line}\n`).join(''));
const sysctl = (name: string, value: string): void => writeFileSync(`/proc/sys/${name}`, value);
const readNumber = (file: string): number => Number(readFileSync(file, 'utf8'));
const words = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** The network of the guest; returns what sends a packet into it, with a mark (0: none). */
function openNetwork(): { send(packet: Uint8Array, mark: number): void; sent(): number } {
  sysctl('net/ipv4/ip_forward', '1');
  sysctl('net/ipv6/conf/all/forwarding', '1');
  // c0 is to say nothing by itself, so that packets can be counted.
  sysctl('net/ipv6/conf/default/disable_ipv6', '1');
  tell(['ip', '-batch', '-'], NETWORK);
  sysctl('net/ipv6/conf/d0/disable_ipv6', '0');

  const index = readNumber('/sys/class/net/c0/ifindex');
  const mac = Uint8Array.from(readFileSync('/sys/class/net/d0/address', 'utf8').trim().split(':'), (part) =>
    Number.parseInt(part, 16),
  );
  // struct sockaddr_ll: family, protocol, ifindex.
  const link = new Uint8Array(20);
  new DataView(link.buffer).setUint16(0, AF_PACKET, true);
  new DataView(link.buffer).setInt32(4, index, true);
  const fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
  let count = 0;
  let marked = 0;
  return {
    send(packet, mark) {
      if (mark !== marked) libc().setsockopt(fd, SOL_SOCKET, SO_MARK, words(mark));
      marked = mark;
      libc().sendto(fd, frameOf(packet, mac), 0, link);
      count++;
    },
    sent: () => count,
  };
}

/** A service by several addresses is one of a firewall mark; ports are different, so they serve as marks. */
const markOf = ({ addresses, port }: Scenario): number => (addresses.length > 1 ? port : 0);

function selectorOf(scenario: Scenario): string {
  if (markOf(scenario) !== 0) return `-f ${markOf(scenario)}${scenario.family === 6 ? ' -6' : ''}`;
  const [address] = scenario.addresses;
  return `${scenario.protocol === 'tcp' ? '-t' : '-u'} ${formatEndpoint({ address: address!, port: scenario.port })}`;
}

const thresholdsOf = ({ upper, lower }: Scenario['servers'][number]): string =>
  `${upper === undefined ? '' : ` -x ${upper}`}${lower === undefined ? '' : ` -y ${lower}`}`;

/** Lines for `ipvsadm -R`. */
function addLines(scenario: Scenario): string[] {
  const { scheduler, flags, servers } = scenario;
  const service = selectorOf(scenario);
  return [
    `-A ${service} -s ${scheduler}${flags.length > 0 ? ` -b ${flags.join(',')}` : ''}`,
    // ip_vs puts each new one in front.
    ...servers
      .toReversed()
      .map(
        (server) =>
          `-a ${service} -r ${formatEndpoint(server)} -m -w ${server.weight}${thresholdsOf(server)}`,
      ),
  ];
}

function changeLines(scenario: Scenario, weights: readonly number[], next: readonly number[]): string[] {
  return scenario.servers.flatMap((server, i) =>
    next[i] === weights[i]
      ? []
      : [`-e ${selectorOf(scenario)} -r ${formatEndpoint(server)} -m -w ${next[i]}${thresholdsOf(server)}`],
  );
}

/** Plays a scenario up to each change of weights, and yields the lines of ipvsadm that make it; or up to a rest. */
function* play(
  network: ReturnType<typeof openNetwork>,
  scenario: Scenario,
): Generator<readonly string[] | 'rest'> {
  const send = ({ client, to }: Opening, flags: number): void =>
    network.send(
      transportPacket({
        protocol: scenario.protocol,
        source: client.address,
        sourcePort: client.port,
        target: scenario.addresses[to]!,
        targetPort: scenario.port,
        flags,
      }),
      markOf(scenario),
    );
  let weights: readonly number[] = scenario.servers.map(({ weight }) => weight);
  for (const step of scenario.steps)
    switch (step.kind) {
      case 'open':
      case 'half':
        send(step, FLAG.syn);
        if (step.kind === 'open' && scenario.protocol === 'tcp') send(step, FLAG.ack);
        break;
      case 'close':
        send(scenario.steps[step.step] as Opening, FLAG.finAck);
        break;
      case 'reset':
        send(scenario.steps[step.step] as Opening, FLAG.rst);
        break;
      case 'rest':
        yield 'rest';
        break;
      case 'weights':
        yield changeLines(scenario, weights, step.weights);
        weights = step.weights;
    }
}

/** Plays them side by side: all up to their first change of weights, then those changes at once, and so on. */
function playAll(
  network: ReturnType<typeof openNetwork>,
  scenarios: readonly Scenario[],
): Map<string, string> {
  const connections = new Map<string, string>();
  const read = () => {
    for (const [flow, server] of readConnections()) connections.set(flow, server);
  };
  for (let games = scenarios.map((scenario) => play(network, scenario)); games.length > 0; ) {
    const changes = games.map((game) => ({ game, change: game.next() }));
    games = changes.flatMap(({ game, change }) => (change.done === true ? [] : [game]));
    const values = changes.map(({ change }) => change.value);
    if (values.includes('rest')) {
      read();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST);
    }
    const lines = values.flatMap((value) => (value === 'rest' ? [] : (value ?? [])));
    if (lines.length > 0) ipvsadm(lines);
  }
  read();
  return connections;
}

/** An endpoint as /proc/net/ip_vs_conn has it, in lower case: hex, an IPv6 address with every group written out. */
function hexEndpoint({ address, port }: Endpoint): string {
  const hex = Buffer.from(addressBytes(address)).toString('hex');
  const groups = familyOf(address) === 4 ? [hex] : hex.match(/.{4}/g)!;
  return `${groups.join(':')} ${port.toString(16).padStart(4, '0')}`;
}

/** How often the table is read: /proc goes on by counting, and leaves one out where another before it has just expired. */
const READINGS = 3;

/** Protocol, client and virtual endpoint → server's endpoint, of every connection there is. */
function readConnections(): Map<string, string> {
  const readings = Array.from({ length: READINGS }, () => readFileSync('/proc/net/ip_vs_conn', 'utf8'));
  const rows = readings
    .join('')
    .toLowerCase()
    .matchAll(/^(tcp|udp) +(\S+ \S+ \S+ \S+) (\S+ \S+) /gm);
  return new Map(Array.from(rows, ([, protocol, flow, server]) => [`${protocol} ${flow}`, server!]));
}

function choicesOf(scenario: Scenario, connections: ReadonlyMap<string, string>): Choices {
  const indices = new Map(scenario.servers.map((server, i) => [hexEndpoint(server), i]));
  const virtual = scenario.addresses.map((address) => hexEndpoint({ address, port: scenario.port }));
  return openingsOf(scenario)
    .map(({ client, to }) => {
      const server = connections.get(`${scenario.protocol} ${hexEndpoint(client)} ${virtual[to]}`);
      if (server !== undefined && !indices.has(server))
        throw new Error(`${scenario.name}: a connection to ${server}, which is none of its servers`);
      return choiceLetter(server === undefined ? undefined : indices.get(server));
    })
    .join('');
}

function main(): void {
  const scenarios = JSON.parse(readFileSync(0, 'utf8')) as Scenario[];
  if (new Set(scenarios.map(({ port }) => port)).size < scenarios.length)
    throw new Error('two scenarios have the same port');
  const network = openNetwork();
  sysctl('net/ipv4/vs/run_estimation', '0');
  ipvsadm(scenarios.flatMap(addLines));
  const choices = new Map<Scenario, Choices>();
  // Those that rest do so together.
  const isResting = ({ steps }: Scenario): boolean => steps.some(({ kind }) => kind === 'rest');
  for (const together of [scenarios.filter((one) => !isResting(one)), scenarios.filter(isResting)])
    for (let start = 0; start < together.length; start += SCENARIOS_A_READING) {
      const some = together.slice(start, start + SCENARIOS_A_READING);
      const started = performance.now();
      const connections = playAll(network, some);
      if (performance.now() - started > READ_WITHIN)
        throw new Error(`the machine is too slow: connections may be gone after ${READ_WITHIN} ms`);
      for (const one of some) choices.set(one, choicesOf(one, connections));
    }
  // A packet that was lost on its way would look like one for which no server was available.
  const arrived = readNumber('/sys/class/net/d0/statistics/rx_packets');
  const dropped = readFileSync('/proc/net/softnet_stat', 'utf8').split(/\s+/)[1];
  if (arrived !== network.sent() || Number.parseInt(dropped!, 16) !== 0)
    throw new Error(`${network.sent()} packets were sent, ${arrived} came, ${dropped} (hex) were dropped`);
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  const answer: ScheduleAnswer = { kernel, choices: scenarios.map((one) => choices.get(one)!) };
  process.stdout.write(JSON.stringify(answer));
}

main();
