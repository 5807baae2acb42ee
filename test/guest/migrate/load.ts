/**
 * Runs on the lab's client, in the guest: connections that last and check that nothing of theirs is lost or goes to another
 * server, short ones, conversations over UDP that last and that begin, small and cut into fragments, ports that nobody listens at, answers
 * that come too late, and clients of a persistent service; over IPv4 and IPv6. A line `report` on the standard input is answered with
 * what has been counted since the last; `release` ends what lasts, `hold` begins it anew; after `down NAME` that server's connections
 * of the service that resets may be reset, until `up`.
 */
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { exchange, open, talk } from './talk.ts';

/** What is counted; everything but the numbers of good ones is to be empty. */
export interface LoadReport {
  /** Lines answered on connections that last, and how many of those there are. */
  readonly lines: number;
  readonly lasting: number;
  /** Short connections that went well, and UDP conversations of three datagrams each that did. */
  readonly short: number;
  readonly conversations: number;
  /** Datagrams answered on conversations that last, and how many of them went in fragments both ways. */
  readonly datagrams: number;
  readonly large: number;
  /** Datagrams to a port that no server listens at, which their sender was told of. */
  readonly refused: number;
  /** Datagrams whose sender had gone when the answer came, of which the server is to be told. */
  readonly late: number;
  /** Connections that ended with their server, and those of the service that resets by their server. */
  readonly reset: number;
  readonly resetting: Readonly<Record<string, number>>;
  /** Connections to the persistent service that went to their client's server, and to another. */
  readonly remembered: number;
  readonly moved: readonly string[];
  /** What went wrong, in words. */
  readonly lost: readonly string[];
}

/** What the load is told. */
export interface LoadOptions {
  /** An IPv4 and an IPv6 one. */
  readonly vips: readonly string[];
  /** Ports of services: TCP and UDP echo, a persistent one, one with `on_down: reset`, and a UDP one at which no server listens. */
  readonly echo: number;
  readonly udp: number;
  readonly persistent: number;
  readonly resets: number;
  readonly closed: number;
  /** Addresses of the clients of the persistent service. */
  readonly clients: readonly string[];
  /** How many there are of what lasts, both families together. */
  readonly lasting: number;
  readonly conversations: number;
  readonly resetting: number;
}

const EVERY_MS = 100;
/** More than two MTUs. */
const LARGE = '.'.repeat(3_400);

export async function load(options: LoadOptions): Promise<void> {
  const { vips } = options;
  const none = {
    lines: 0,
    short: 0,
    conversations: 0,
    datagrams: 0,
    large: 0,
    refused: 0,
    late: 0,
    reset: 0,
    remembered: 0,
  };
  let counts = { ...none };
  let [lost, moved]: [string[], string[]] = [[], []];
  const resetting: Record<string, number> = {};
  let lasting = 0;
  let isHeld = true;
  let isOver = false;
  let down: string | undefined;
  const vipOf = (number: number): string => vips[number % vips.length]!;
  const familyText = (vip: string): string => (vip.includes(':') ? 'IPv6' : 'IPv4');

  /** Goes on as long as what lasts is held; what `begin` gives is done again and again, and must come from one server. */
  const last = async (what: string, every: number, ask: (i: number) => Promise<string>): Promise<void> => {
    let isCounted = false;
    try {
      const server = await ask(0);
      lasting++;
      isCounted = true;
      for (let i = 1; isHeld; i++) {
        const name = await ask(i);
        if (name !== server) throw new Error(`${server} has become ${name}`);
        await pause(every);
      }
    } catch (error) {
      lost.push(`${what}: ${(error as Error).message}`);
    }
    if (isCounted) lasting--;
  };

  const lastingTcp = async (number: number): Promise<void> => {
    const vip = vipOf(number);
    const what = `${familyText(vip)} connection ${number}`;
    const socket = await open(vip, options.echo).catch(
      (error: Error) => void lost.push(`${what}: ${error.message}`),
    );
    if (!socket) return;
    await last(what, EVERY_MS, async (i) => {
      const name = await exchange(socket, `line ${i}`);
      counts.lines++;
      return name;
    });
    socket.on('error', () => {}).end();
  };
  const lastingUdp = async (number: number): Promise<void> => {
    const vip = vipOf(number);
    // As many large ones as small ones of each family.
    const filling = Math.floor(number / vips.length) % 2 === 1 ? LARGE : '';
    const { ask, close } = talk(vip, options.udp);
    await last(
      `${familyText(vip)} conversation ${number}${filling && ' in fragments'}`,
      EVERY_MS,
      async (i) => {
        const name = await ask(`datagram ${i}${filling}`);
        counts.datagrams++;
        if (filling !== '') counts.large++;
        return name;
      },
    );
    close();
  };
  const lastingRefused = async (vip: string): Promise<void> => {
    const { refuse, close } = talk(vip, options.closed);
    await last(`${familyText(vip)} conversation with a closed port`, 5 * EVERY_MS, async (i) => {
      await refuse(`knock ${i}`);
      counts.refused++;
      return 'nobody';
    });
    close();
  };

  const again = async (what: string, act: () => Promise<void>): Promise<void> => {
    while (!isOver)
      try {
        await act();
      } catch (error) {
        lost.push(`${what}: ${(error as Error).message}`);
        await pause(5 * EVERY_MS);
      }
  };
  const short = async (vip: string): Promise<void> => {
    const socket = await open(vip, options.echo);
    const server = await exchange(socket, 'first');
    if ((await exchange(socket, 'second')) !== server) throw new Error('another server');
    socket.on('error', () => {}).end();
    counts.short++;
    await pause(EVERY_MS);
  };
  const conversation = async (vip: string): Promise<void> => {
    const { ask, close } = talk(vip, options.udp);
    try {
      const server = await ask('first');
      for (const word of ['second', `third${LARGE}`]) {
        await pause(EVERY_MS);
        const name = await ask(word);
        if (name !== server) throw new Error(`${server} has become ${name}`);
      }
      counts.conversations++;
    } finally {
      close();
    }
  };
  const late = async (vip: string): Promise<void> => {
    const { leave } = talk(vip, options.udp);
    await leave('too late');
    counts.late++;
    await pause(5 * EVERY_MS);
  };
  /** A connection that is reset when its server goes down, and only then; held like what lasts. */
  const resets = async (vip: string): Promise<void> => {
    if (!isHeld) return pause(5 * EVERY_MS);
    let server: string | undefined;
    const socket = await open(vip, options.resets);
    // By ip_vs a client is reset when it sends something; one that only waits for an answer is to send, too (docs/guide/ipvs.md).
    socket.setKeepAlive(true, EVERY_MS * 10);
    try {
      server = await exchange(socket, 'begin');
      resetting[server] = (resetting[server] ?? 0) + 1;
      for (let i = 0; isHeld; i++) {
        await exchange(socket, `line ${i}`);
        await pause(EVERY_MS);
      }
    } catch (error) {
      const isMeant = down !== undefined && (server ?? down) === down;
      if (!isMeant || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      counts.reset++;
    } finally {
      if (server !== undefined) resetting[server]!--;
      socket.end();
    }
  };
  const servers = new Map<string, string>();
  const remembered = async (): Promise<void> => {
    for (const client of options.clients) {
      const vip = vips.find((one) => one.includes(':') === client.includes(':'))!;
      const socket = await open(vip, options.persistent, client);
      const name = await exchange(socket, 'hello');
      socket.on('error', () => {}).end();
      const before = servers.get(client);
      if (before === undefined || before === name) counts.remembered++;
      else moved.push(`${client}: ${before} → ${name}`);
      servers.set(client, name);
    }
    await pause(5 * EVERY_MS);
  };

  const hold = (): void => {
    isHeld = true;
    for (let i = 0; i < options.lasting; i++) void lastingTcp(i);
    for (let i = 0; i < options.conversations; i++) void lastingUdp(i);
    for (const vip of vips) void lastingRefused(vip);
  };
  hold();
  for (const vip of vips) {
    const family = familyText(vip);
    void again(`${family} short connection`, () => short(vip));
    void again(`${family} short conversation`, () => conversation(vip));
    void again(`${family} answer that comes too late`, () => late(vip));
  }
  for (let i = 0; i < options.resetting; i++)
    void again(`${familyText(vipOf(i))} connection ${i} of the service that resets`, () => resets(vipOf(i)));
  void again('persistent client', remembered);
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, name] = line.split(' ');
    if (word === 'release') isHeld = false;
    else if (word === 'hold') hold();
    else if (word === 'down') down = name;
    else if (word === 'up') down = undefined;
    else if (word === 'stop') break;
    const report: LoadReport = { ...counts, lasting, resetting, moved, lost };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    counts = { ...none };
    [lost, moved] = [[], []];
  }
  isOver = true;
  isHeld = false;
  process.exit(0);
}
