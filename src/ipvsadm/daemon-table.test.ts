import { describe, expect, it } from 'vitest';
import { SERVICES } from '../api/control.fixture.ts';
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

/** Types a line; `asked` are the services to be set to zero. */
async function type(text: string, input = '') {
  let [out, err] = ['', ''];
  const zeroed: (ServiceKey | undefined)[] = [];
  const client = {
    status: async () => ({ plane: 'eBPF plane made anew: room for 65536 IPv4 and 1024 IPv6 connections' }),
    services: async () => [...SERVICES, GROUP, LEAVING],
    zero: async (key?: ServiceKey) => {
      zeroed.push(key);
      return key === undefined || SERVICES.some((one) => one.key === key) ? [key] : [];
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
  const code = await run('ipvsadm', text.split(' '), {
    out: (piece) => {
      out += piece;
    },
    err: (piece) => {
      err += piece;
    },
    input: () => Buffer.from(input),
    open: () => daemonTable(client as unknown as Parameters<typeof daemonTable>[0], '/etc/weir/weir.yaml'),
    lookups,
  });
  return { out, err, code, zeroed };
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
    expect(await type('-Z -f 1')).toMatchObject({ code: 255, err: 'No such service\n', zeroed: [] });
    expect(await type('-Ln -f 1')).toMatchObject({ code: 1, err: 'No such service\n' });
  });

  it('says where what should be stands, and which plane has direct routing', async () => {
    expect(await type('-A -t 203.0.113.9:80')).toMatchObject({
      code: 255,
      err: expect.stringContaining('/etc/weir/weir.yaml'),
    });
    expect((await type('-a -t 203.0.113.100:80 -r 192.168.1.9')).err).toContain('dataplane: ipvs');
    const two = await type('-R', '-A -t 1.2.3.4:80\n-a -t 1.2.3.4:80 -r 10.0.0.1 -m\n');
    expect(two.err.split('\n').length).toBe(3);
    expect(two.code).toBe(255);
  });
});
