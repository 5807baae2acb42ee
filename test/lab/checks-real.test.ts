/** Health checks of servers as they are: nginx, redis, dnsmasq, aiosmtpd, and gRPC on node:http2; well, and in every way unwell. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOO_LONG } from '../../src/checks/regex.ts';
import { testAuthority } from '../../src/checks/servers.fixture.ts';
import type { ServerStatus } from '../../src/core/health/status.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft } from './director-lab.ts';
import {
  dnsmasq,
  grpc,
  mail,
  NAME,
  NAMES_ADDRESS,
  needPrograms,
  nginx,
  type RealDaemon,
  redis,
} from './real-daemons.ts';

const vip = labVip.ipv4;
const times = { interval: '300ms', timeout: '250ms', rise: 1, fall: 2 };
const SILENT = 'no answer within 250 ms';
const PING = { send: 'PING\r\n', expect: '+PONG' };

/** By name: the service, and where its only server is. */
const SERVICES = {
  http: { protocol: 'tcp', port: 80, at: [0, 8080] },
  https: { protocol: 'tcp', port: 443, at: [0, 8443] },
  letters: { protocol: 'tcp', port: 81, at: [0, 8080] },
  redis: { protocol: 'tcp', port: 6379, at: [1, 6379] },
  dns: { protocol: 'udp', port: 53, at: [1, 53] },
  ping: { protocol: 'udp', port: 5060, at: [1, 5060] },
  smtp: { protocol: 'tcp', port: 25, at: [2, 2525] },
  smtps: { protocol: 'tcp', port: 465, at: [2, 4650] },
  grpc: { protocol: 'tcp', port: 50_051, at: [2, 50_051] },
  grpcs: { protocol: 'tcp', port: 50_052, at: [2, 50_052] },
} as const;
type Name = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as readonly Name[];
const keyOf = (name: Name) => `${SERVICES[name].protocol} ${vip}:${SERVICES[name].port}`;

describe('checks of real servers', () => {
  let dir: string;
  let director: DirectorLab;
  let daemon: LabProcess;
  let daemons: readonly RealDaemon[];
  /** By service, what was last told of its server. */
  const told = new Map<string, string>();

  const checkOf = (name: Name, ca: string): Draft => {
    const health = { path: '/health', body: { contains: 'ok' } };
    const checks: Readonly<Record<Name, Draft>> = {
      http: { type: 'http', ...health },
      https: { type: 'https', ...health, host: NAME, tls: { ca } },
      // Seldom: what it takes of the thread is no time of the others', whose silence would not be held against their servers.
      letters: { type: 'http', path: '/letters', body: { regex: '^(a+)+\\n$' }, interval: '1s', fall: 1 },
      redis: { type: 'steps', steps: [PING] },
      dns: { type: 'dns', name: NAME, answer: NAMES_ADDRESS },
      ping: { type: 'ping' },
      smtp: { type: 'smtp' },
      smtps: { type: 'smtp', tls: { ca, server_name: NAME } },
      grpc: { type: 'grpc' },
      grpcs: { type: 'grpc', tls: { ca } },
    };
    return { ...times, ...checks[name] };
  };
  const config = (ca: string, more: readonly Draft[] = []) =>
    draft([
      ...NAMES.map((name) => {
        const { protocol, port, at } = SERVICES[name];
        const servers = [{ address: director.lab.servers[at[0]]!.ipv4, port: at[1] }];
        return {
          protocol,
          address: vip,
          port,
          servers,
          ...{ start_as: 'down', checks: [checkOf(name, ca)] },
        };
      }),
      ...(more as readonly never[]),
    ]);

  /** Waits until the services named are down for these reasons and all others are up, in the log and for who asks. */
  const expectDown = async (reasons: Readonly<Partial<Record<Name, string | RegExp>>>) => {
    const wrong = () =>
      NAMES.flatMap((name) => {
        const [is, wanted] = [told.get(keyOf(name)) ?? 'nothing', reasons[name]];
        const right =
          wanted === undefined ? is === 'up' : typeof wanted === 'string' ? is === wanted : wanted.test(is);
        return right ? [] : [`${name}: ${is}`];
      });
    await expect.poll(wrong, { timeout: 15_000, interval: 20 }).toEqual([]);
    const statuses: readonly ServerStatus[] = JSON.parse(await director.weir.run(['servers', '-o', 'json']));
    const weights = statuses.map(({ service, weight }) => [service, weight] as const);
    expect(Object.fromEntries(weights)).toEqual(
      Object.fromEntries(NAMES.map((name) => [keyOf(name), reasons[name] === undefined ? 1 : 0])),
    );
  };
  const each = (act: (one: RealDaemon) => unknown) => Promise.all(daemons.map(act));

  beforeAll(async () => {
    needPrograms('/usr/sbin/nginx', '/usr/bin/redis-server', '/usr/sbin/dnsmasq');
    needPrograms('/usr/lib/python3/dist-packages/aiosmtpd');
    dir = mkdtempSync(join(tmpdir(), 'weir-real-'));
    const authority = testAuthority(dir, 'authority');
    director = await directorLab();
    const { lab } = director;
    const [first, second, third] = lab.servers as [
      (typeof lab.servers)[0],
      (typeof lab.servers)[0],
      (typeof lab.servers)[0],
    ];
    const certificate = authority.sign('mail', `DNS:${NAME}`, 90);
    daemons = [
      nginx(lab, first, join(dir, 'nginx'), authority),
      redis(lab, second, join(dir, 'redis')),
      dnsmasq(lab, second, join(dir, 'dnsmasq')),
      mail(lab, third, { dir: join(dir, 'smtp'), port: 2525 }),
      mail(lab, third, { dir: join(dir, 'smtps'), port: 4650, certificate }),
      grpc(lab, third, authority),
    ];
    await each((one) => one.start());
    await director.write(config(authority.certFile));
    daemon = await director.start();
    const hear = (line: string) => {
      if (!/"event":"server_(up|down|held)"/.test(line)) return;
      const { event, service, reason } = JSON.parse(line) as Record<string, string>;
      told.set(service!, event === 'server_up' ? 'up' : reason!);
    };
    // The first are found up before the daemon says that it is ready.
    for (const line of daemon.output().split('\n')) hear(line);
    daemon.onLine(hear);
    await director.reload(config(authority.certFile));
  });
  afterAll(async () => {
    await director?.close();
    rmSync(dir, { recursive: true });
  });

  it('find all of them up', () => expectDown({}));

  it('find out who has ended, and who is there again', async () => {
    await each((one) => one.stop());
    await expectDown({
      ...{ http: 'connection refused', https: 'connection refused' },
      // One check decides, and it may have been under way when the server ended.
      letters: /^(connection (refused|reset)|the server hung up)$/,
      ...{ redis: 'connection refused', dns: 'connection refused' },
      ...{ smtp: 'connection refused', smtps: 'connection refused' },
      ...{ grpc: 'connection refused', grpcs: 'connection refused' },
    });
    await each((one) => one.start());
    await expectDown({});
  });

  it('find out who accepts and never answers', async () => {
    await each((one) => one.signal('SIGSTOP'));
    await expectDown({
      ...{ http: SILENT, https: SILENT, letters: SILENT, redis: `step 1 of 1: ${SILENT}`, dns: SILENT },
      ...{ smtp: `in answer to the connection: ${SILENT}`, smtps: SILENT, grpc: SILENT, grpcs: SILENT },
    });
    await each((one) => one.signal('SIGCONT'));
    await expectDown({});
  });

  it('find out who answers something else, by whatever it is', async () => {
    await each((one) => one.become.lying());
    await expectDown({
      http: 'the body does not contain "ok"',
      https: 'the body does not contain "ok"',
      // Its words were chosen for the regular expression; the others had their turns.
      letters: TOO_LONG,
      redis: `step 1 of 1: ${SILENT}; it said "-NOAUTH Authentication required"`,
      dns: `${NAMES_ADDRESS} is not in the answer`,
      ...{ smtp: '554 in answer to EHLO', smtps: '554 in answer to EHLO' },
      ...{ grpc: 'NOT_SERVING', grpcs: 'NOT_SERVING' },
    });
    await each((one) => one.become.well());
    await expectDown({});
  });

  it('find out who answers too late', async () => {
    await each((one) => one.become.slow?.());
    await expectDown({
      ...{ http: SILENT, https: SILENT, redis: `step 1 of 1: ${SILENT}`, grpc: SILENT, grpcs: SILENT },
      ...{ smtp: `in answer to EHLO: ${SILENT}`, smtps: `in answer to EHLO: ${SILENT}` },
    });
    await each((one) => one.become.well());
    await expectDown({});
  });

  it('find out who resets, or refuses', async () => {
    const rules = `table inet hostile {
      chain input {
        type filter hook input priority 0;
        tcp dport { 2525, 4650, 6379, 8080, 8443, 50051, 50052 } tcp flags & (syn | rst) == 0 reject with tcp reset
        udp dport 53 reject
        icmp type echo-request reject with icmp type admin-prohibited
      }
    }`;
    for (const host of director.lab.servers)
      await director.lab.run(host, ['nft', '-f', '-'], { input: rules });
    // The reset comes as soon as the connection stands: before, or after, that has been noticed.
    const reset = /(^|: )(connection reset|the server hung up)$/;
    const byTcp = NAMES.filter((name) => SERVICES[name].protocol === 'tcp').map((name) => [name, reset]);
    await expectDown({
      ...{ ...Object.fromEntries(byTcp), dns: 'connection refused', ping: 'prohibited by a firewall' },
    });
    for (const host of director.lab.servers)
      await director.lab.run(host, ['nft', 'delete', 'table', 'inet', 'hostile']);
    await expectDown({});
  });

  it('find out whose address is gone', async () => {
    const { lab } = director;
    for (const host of lab.servers)
      await lab.run(host, ['ip', 'addr', 'del', `${host.ipv4}/24`, 'dev', 'eth0']);
    const gone = /no answer within 250 ms|no route to host|host unreachable/;
    await expectDown(Object.fromEntries(NAMES.map((name) => [name, gone])));
    for (const host of lab.servers) {
      await lab.run(host, ['ip', 'addr', 'add', `${host.ipv4}/24`, 'dev', 'eth0']);
      await lab.run(host, ['ip', 'route', 'replace', 'default', 'via', '192.168.1.1']);
    }
    await expectDown({});
  });

  it('hold back who comes and goes', async () => {
    const [, database] = daemons;
    const at = director.lab.servers.map(({ ipv4 }) => ipv4);
    const service = { protocol: 'tcp' as const, address: vip, port: 6380 };
    const servers = [
      { address: at[1]!, port: 6379, ...{ checks: [{ type: 'steps', steps: [PING], ...times }] } },
      { address: at[0]!, port: 7 },
    ];
    const events: string[] = [];
    daemon.onLine((line) => {
      const event = /"event":"server_(up|down|held)"/.exec(line)?.[1];
      if (event !== undefined && line.includes(`${at[1]}:6379`)) events.push(event);
    });
    await director.reload(
      draft([{ ...service, servers, ...{ flap_damping: { downs: 2, within: '1m', calm: '1s' } } }]),
    );
    for (const seen of [['down'], ['down', 'up', 'down', 'held']]) {
      database!.signal('SIGSTOP');
      await expect.poll(() => events, { interval: 20 }).toEqual(seen);
      database!.signal('SIGCONT');
      await expect.poll(() => events, { interval: 20 }).toEqual([...seen, 'up']);
    }
  });
});
