import { describe, expect, it } from 'vitest';
import { SERVICES } from '../api/control.fixture.ts';
import type { RulesRequest } from '../api/control.ts';
import { parseAddress } from '../core/address/address.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import type { ServiceKey } from '../core/model/service.ts';
import { daemonTable } from './daemon-table.ts';
import type { Lookups } from './lookup.ts';
import { run } from './main.ts';
import { NAMES } from './names.fixture.ts';
import { NUMERIC } from './names.ts';

const GROUP: ServiceCounters = { ...SERVICES[0]!, key: 'tcp 203.0.113.101:80,443' as ServiceKey };
const LEAVING: ServiceCounters = {
  ...SERVICES[0]!,
  key: 'tcp 203.0.113.102:80' as ServiceKey,
  leaving: true,
};
const lookups: Lookups = { names: NAMES, labels: NUMERIC, resolve: async () => {}, learn: async () => {} };

/** Types a line; `zeroed` are the services to be set to zero, `requests` what was to be changed. */
async function type(text: string, input = '', program = 'ipvsadm') {
  let [out, err] = ['', ''];
  const requests: RulesRequest[] = [];
  const zeroed: (ServiceKey | undefined)[] = [];
  const client = {
    status: async () => ({ plane: 'eBPF plane made anew: room for 65536 IPv4 and 1024 IPv6 connections' }),
    services: async () => [...SERVICES, GROUP, LEAVING],
    zero: async (key?: ServiceKey) => {
      zeroed.push(key);
      return key === undefined || SERVICES.some((one) => one.key === key) ? [key] : [];
    },
    changeRules: async (request: RulesRequest) => {
      requests.push(request);
      const refused = request.changes.flatMap(({ kind }, at) =>
        kind === 'delete-service' ? [{ at, code: 'ESRCH' as const }] : [],
      );
      return { ok: true, steps: 1, lines: [], refused };
    },
    async *connections() {
      yield [
        {
          protocol: 'tcp',
          state: 'TEMPLATE',
          client: { address: parseAddress('198.51.100.7')!, port: 0 },
          virtual: { address: parseAddress('203.0.113.100')!, port: 80 },
          server: { address: parseAddress('192.168.1.101')!, port: 8080 },
          client_port_at_server: 0,
          expires_ms: 61_900,
        },
      ];
    },
  };
  const code = await run(program, text.split(' ').filter(Boolean), {
    out: (piece) => {
      out += piece;
    },
    err: (piece) => {
      err += piece;
    },
    input: () => Buffer.from(input),
    open: () =>
      daemonTable(client as unknown as Parameters<typeof daemonTable>[0], '/etc/weir/weir.yaml', 'alice'),
    lookups,
  });
  return { out, err, code, zeroed, requests };
}

describe('ipvsadm on a running director', () => {
  it('lists its services as ip_vs would', async () => {
    const { out, code } = await type('-Ln');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 7)).toEqual([
      'IP Virtual Server version 1.2.1 (size=65536)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  203.0.113.100:80 wlc',
      '  -> 192.168.1.101:8080           Masq    3      120        44        ',
      '  -> 192.168.1.102:8080           Masq    1      39         12        ',
      '  -> 192.168.1.103:8080           Masq    0      2          0         ',
    ]);
    expect(out).not.toContain('203.0.113.102');
  });

  it('counts, saves, and lists connections', async () => {
    expect((await type('-Ln --stats -t 203.0.113.100:80')).out).toContain(
      'TCP  203.0.113.100:80               184203  1105218   921015 88417440  867780K\n',
    );
    expect((await type('-Sn')).out).toContain('-a -t 203.0.113.100:80 -r 192.168.1.101:8080 -m -w 3\n');
    expect((await type('-Lnc')).out).toContain(
      'TCP 01:01  NONE        198.51.100.7:0     203.0.113.100:80   192.168.1.101:8080\n',
    );
  });

  it('sets counters to zero', async () => {
    expect(await type('-Z -t 203.0.113.100:80')).toMatchObject({ code: 0, zeroed: ['tcp 203.0.113.100:80'] });
    expect(await type('-Z')).toMatchObject({ code: 0, zeroed: [undefined] });
    expect(await type('-Z -t 203.0.113.9:80')).toMatchObject({ code: 255, err: 'No such service\n' });
    expect(await type('-Z -f 1')).toMatchObject({ code: 255, err: 'No such service\n' });
    expect(await type('-Ln -f 1')).toMatchObject({ code: 1, err: 'No such service\n' });
  });

  it('sends what is changed in one request, and says what is refused', async () => {
    const rule = { scheduler: 'sh', scheduler_flags: ['sh-port'], persistence: null, one_packet: false };
    const added = await type('-A -t 203.0.113.9:80 -s sh -b sh-port');
    expect(added).toMatchObject({ code: 0, err: '', out: '' });
    const service = 'tcp 203.0.113.9:80';
    expect(added.requests).toEqual([{ changes: [{ kind: 'add-service', service, rule }], by: 'alice' }]);
    const some = await type(
      '-R',
      '-A -t 1.2.3.4:80 -s rr\n-a -t 1.2.3.4:80 -r 10.0.0.1 -m\n-a -t 1.2.3.4:80 -r 10.0.0.2\n' +
        '-a -t 1.2.3.4:80 -r 10.0.0.3 -m -w 0 -x 9 -y 3\n-D -u 1.2.3.4:53\n',
    );
    expect(some).toMatchObject({ code: 255, requests: [{ changes: expect.anything() }] });
    expect(some.requests[0]!.changes.slice(1)).toEqual([
      ...[
        {
          server: '10.0.0.1:80',
          rule: { weight: 1, upper_threshold: 0, lower_threshold: 0, method: 'nat', tunnel: null },
        },
        {
          server: '10.0.0.3:80',
          rule: { weight: 0, upper_threshold: 9, lower_threshold: 3, method: 'nat', tunnel: null },
        },
      ].map((one) => ({ kind: 'add-server', service: 'tcp 1.2.3.4:80', ...one })),
      { kind: 'delete-service', service: 'udp 1.2.3.4:53' },
    ]);
    expect(some.err.split('\n')).toEqual([expect.stringContaining('dataplane: ipvs'), 'No such service', '']);
  });

  it.each([
    ['-A -u 1.2.3.4:5060 -s rr -p --pe magic', /^Scheduler or persistence engine not found$/m],
    ['-A -u 1.2.3.4:5060 -s rr --pe sip', /./],
    ['-A -t 1.2.3.4:80 -s magic', /^Scheduler or persistence engine not found$/m],
    ['-A -t 1.2.3.4:80 -s rr -b flag-2', /rr has no flag flag-2/],
    ['-A -t 1.2.3.4:80 -p 60 -M 255.0.255.0', /255\.0\.255\.0 is not the mask/],
    ['-a -t 203.0.113.100:80 -r 192.168.1.9', /dataplane: ipvs.* -m$/m],
    ['--set 100 0 0', /in \/etc\/weir\/weir\.yaml/],
    ['--start-daemon master', /dataplane: ipvs/],
  ])('does not ask the daemon for %s', async (line, words) => {
    expect(await type(line)).toMatchObject({ code: 255, err: expect.stringMatching(words), requests: [] });
  });

  it('has words for all that a configuration has', async () => {
    const lines =
      '-A -f 7 -6 -s rr\n-A --sctp-service 1.2.3.4:80 -s sh -b sh-fallback\n' +
      '-A -u 1.2.3.4:5060 -s rr -p 90 -M 255.255.255.0 --pe sip\n';
    expect((await type('-R', lines)).requests[0]!.changes).toMatchObject([
      { service: 'fwmark 7 IPv6' },
      { service: 'sctp 1.2.3.4:80', rule: { scheduler: 'sh', scheduler_flags: ['sh-fallback'] } },
      { rule: { persistence: { timeout: 90_000, granularity: 24, engine: 'sip' } } },
    ]);
  });

  it('clears all by one word, and replaces all or nothing', async () => {
    expect((await type('-C')).requests).toEqual([{ changes: [{ kind: 'flush' }], by: 'alice' }]);
    const rules = '-A -t 1.2.3.4:80 -s rr\n-a -t 1.2.3.4:80 -r 10.0.0.1 -m\n';
    const done = await type('', rules, 'ipvsadm-restore');
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.requests.map(({ changes, together }) => [changes.map(({ kind }) => kind), together])).toEqual(
      [[['flush', 'add-service', 'add-server'], true]],
    );
    const refused = await type('', `${rules}-a -t 1.2.3.4:80 -r 10.0.0.2\n`, 'ipvsadm-restore');
    expect(refused).toMatchObject({ code: 255, err: expect.stringContaining('-m'), requests: [] });
  });
});
