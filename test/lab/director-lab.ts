/** A lab with real servers and Weir on its director: what the scenarios on real packets share. */
import { expect } from 'vitest';
import type { Connection } from '../../src/core/model/connection.ts';
import type { ServiceCounters, Verdicts } from '../../src/core/model/counters.ts';
import { createLab, type Lab, type LabOptions } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { startRealServers } from '../../src/lab/real-servers.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type LabWeir, labWeir } from '../../src/lab/weir.ts';

/** A configuration as the file has it; JSON is YAML, so it is written as such. */
export type Draft = Readonly<Record<string, unknown>>;

/** One service of a draft. */
export type ServiceDraft = Readonly<{
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  scheduler?: string;
  timeouts?: Readonly<Record<string, string>>;
  persistence?: Readonly<{ timeout?: string; granularity?: number }>;
  one_packet?: boolean;
  on_down?: string;
  checks?: readonly unknown[];
  servers: readonly ServerDraft[];
}>;
export type ServerDraft = Readonly<{ address: string; port: number; weight?: number }>;

/** Connections that have ended are forgotten fast, so that a test can see the tables empty. */
const briefEnds = {
  syn_recv: '3s',
  fin_wait: '2s',
  time_wait: '2s',
  close: '1s',
  close_wait: '2s',
  last_ack: '2s',
};
/** Small tables: they are made in no time, and what would leak shows. */
const smallLimits = {
  connections_ipv4: '4K',
  connections_ipv6: '1K',
  half_open: 256,
  services: 32,
  servers: 256,
};

/** The classic director with these services, and whatever else `more` says. */
export function draft(services: readonly ServiceDraft[], more: Draft = {}): Draft {
  return {
    director: { public: 'eth0', private: 'eth1' },
    vips: [{ address: `${labVip.ipv4}/24`, label: 'eth0:0' }, { address: `${labVip.ipv6}/64` }],
    timeouts: { ...briefEnds, udp: '5s' },
    services,
    limits: smallLimits,
    ...more,
  };
}

/** These hosts as real servers on `port`, with the weights given or 1. */
export function serversOn(
  hosts: readonly LabHost[],
  port: number,
  weights: readonly number[] = [],
): ServerDraft[] {
  return hosts.map((host, i) => ({ address: host.ipv4, port, weight: weights[i] ?? 1 }));
}

/** As `serversOn`, over IPv6. */
export function serversOn6(hosts: readonly LabHost[], port: number): ServerDraft[] {
  return hosts.map((host) => ({ address: host.ipv6, port }));
}

/** Weir in a lab, watched. */
export interface DirectorLab {
  readonly lab: Lab;
  readonly weir: LabWeir;
  /** Writes the configuration file. */
  write(config: Draft): Promise<void>;
  /** Starts `weir run`, waits until it is ready, and watches its log from then on. */
  start(): Promise<LabProcess>;
  /** Watches the log of a daemon started by other means. */
  watch(daemon: LabProcess): LabProcess;
  /** Writes the configuration file and lets the daemon read it. */
  reload(config: Draft): Promise<void>;
  services(): Promise<readonly ServiceCounters[]>;
  /** The service of that key; throws when there is none. */
  service(key: string): Promise<ServiceCounters>;
  verdicts(): Promise<Verdicts>;
  connections(...filter: string[]): Promise<readonly Connection[]>;
  /** The events that any daemon of this lab has logged as errors, except those named. */
  errors(...except: string[]): string[];
  /**
   * Takes all services out and waits until their last connections have expired: a service goes when each of its
   * servers counts no connection any more, so this fails if a counter was not given back.
   */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Raises a lab and its real servers; Weir is not started yet. */
export async function directorLab(options: LabOptions = {}): Promise<DirectorLab> {
  const lab = await createLab({ prefix: 'weirtest', ...options });
  try {
    await startRealServers(lab);
    return assemble(lab);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

function assemble(lab: Lab): DirectorLab {
  const weir = labWeir(lab);
  const errors: { readonly event: string; readonly line: string }[] = [];
  const look = (line: string): void => {
    if (!/^\{"level":"(error|fatal)"/.test(line)) return;
    errors.push({ event: (JSON.parse(line) as { event: string }).event, line });
  };
  const json = async <T>(...words: string[]): Promise<T> =>
    JSON.parse(await weir.run([...words, '-o', 'json'])) as T;
  const write = (config: Draft): Promise<void> => weir.writeConfig(JSON.stringify(config, null, 2));
  const reload = async (config: Draft): Promise<void> => {
    await write(config);
    await weir.run(['reload']);
  };
  const services = () => json<readonly ServiceCounters[]>('services');
  const watch = (daemon: LabProcess): LabProcess => {
    for (const line of daemon.output().split('\n')) look(line);
    daemon.onLine(look);
    return daemon;
  };
  return {
    lab,
    weir,
    write,
    reload,
    services,
    watch,
    start: async () => watch(await weir.start()),
    async service(key) {
      const found = (await services()).find((one) => one.key === key);
      if (found === undefined) throw new Error(`there is no service ${key}`);
      return found;
    },
    verdicts: async () => (await json<{ verdicts: Verdicts }>('stats')).verdicts,
    connections: (...filter) => json('connections', ...filter),
    errors: (...except) => errors.filter(({ event }) => !except.includes(event)).map(({ line }) => line),
    async drain() {
      await reload(draft([]));
      await expect.poll(services, { timeout: 25_000, interval: 250 }).toEqual([]);
    },
    close: () => lab.close(),
  };
}

/** Waits for the next event of that name, and with these texts in it, in the daemon's log; call it before what causes the event. */
export function nextEvent(
  daemon: LabProcess,
  event: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const parts = Object.entries({ event, ...fields }).map((pair) =>
    pair.map((one) => JSON.stringify(one)).join(':'),
  );
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no event ${event} within 15 s; the daemon said:\n${daemon.output()}`)),
      15_000,
    );
    const forget = daemon.onLine((line) => {
      if (!parts.every((part) => line.includes(part))) return;
      clearTimeout(timer);
      forget();
      resolve(JSON.parse(line));
    });
  });
}

/** Fetches a small JSON document from inside a host, e.g. `/who` of a real server. */
export async function fetchJson<T>(lab: Lab, host: LabHost, url: string): Promise<T> {
  const source = 'fetch(process.argv[1]).then((r) => r.text()).then(console.log)';
  return JSON.parse(await lab.run(host, [process.execPath, '-e', source, url])) as T;
}

/** What `/who` of a real server says. */
export interface Who {
  readonly server: string;
  readonly client: { readonly address: string; readonly port: number };
}
