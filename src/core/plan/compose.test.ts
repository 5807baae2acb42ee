import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../address/address.ts';
import { type Config, DEFAULT_LIMITS } from '../model/config.ts';
import { equalService } from '../model/equal.ts';
import { serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { compose } from './compose.ts';

const service = (address: string, port: number, more: Partial<VirtualService> = {}): VirtualService => ({
  protocol: 'tcp',
  address: parseAddress(address)!,
  port,
  scheduler: 'wlc',
  timeouts: { ...DEFAULT_TIMEOUTS },
  servers: [101, 102].map((host) => ({ address: parseAddress(`192.168.1.${host}`)!, port, weight: 1 })),
  ...more,
});

const config = (more: Partial<Config> = {}): Config => ({
  dataplane: 'auto',
  interfaces: [
    { name: 'eth0', side: 'public' },
    { name: 'eth1.7', side: 'private' },
  ],
  vips: [],
  services: [service('203.0.113.100', 80), service('203.0.113.100', 443)],
  checks: new Map(),
  slowStarts: new Map(),
  notify: [],
  masquerade: [],
  sysctls: new Map(),
  limits: DEFAULT_LIMITS,
  forwarding: 'redirect',
  syncDaemons: new Map(),
  attach: 'auto',
  retireAfterMs: 3_600_000,
  lookEveryMs: 5_000,
  ...more,
});

describe('compose', () => {
  it('names everything by its key', () => {
    const network = parsePrefix('192.168.1.0/24')!;
    const state = compose(
      config({
        vips: [{ ...parsePrefix('203.0.113.100/24')!, interface: 'eth0', label: 'eth0:0' }],
        masquerade: [{ source: network, interface: 'eth0' }],
      }),
    );
    expect([...state.interfaces.keys()]).toEqual(['eth0', 'eth1.7']);
    expect([...state.services.keys()]).toEqual(['tcp 203.0.113.100:80', 'tcp 203.0.113.100:443']);
    expect([...state.vips.keys()]).toEqual(['203.0.113.100/24 dev eth0']);
    expect([...state.masquerade.keys()]).toEqual(['192.168.1.0/24 out eth0']);
  });

  it('adds what a NAT director needs, forwarding first', () => {
    expect([...compose(config()).sysctls]).toEqual([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv4.conf.eth0.rp_filter', '2'],
      ['net.ipv4.conf.eth1/7.rp_filter', '2'],
      ['net.ipv4.conf.all.send_redirects', '0'],
      ['net.ipv4.conf.eth0.send_redirects', '0'],
      ['net.ipv4.conf.eth1/7.send_redirects', '0'],
      ['net.ipv4.conf.lo.accept_local', '1'],
    ]);
  });

  it('turns IPv6 forwarding on only where there is IPv6', () => {
    const forwarding = (more: Partial<Config>) =>
      compose(config(more)).sysctls.get('net.ipv6.conf.all.forwarding');
    const six = parsePrefix('2001:db8::100/64')!;
    expect(forwarding({})).toBeUndefined();
    expect(forwarding({ services: [service('2001:db8::100', 80)] })).toBe('1');
    expect(forwarding({ vips: [{ ...six, interface: 'eth0' }] })).toBe('1');
    expect(forwarding({ masquerade: [{ source: six, interface: 'eth0' }] })).toBe('1');
  });

  it("prefers the file's own values", () => {
    const own = new Map([
      ['net.ipv4.tcp_fin_timeout', '30'],
      ['net.ipv4.conf.eth0.rp_filter', '1'],
      ['net.ipv4.ip_forward', '0'],
    ]);
    const { sysctls } = compose(config({ sysctls: own }));
    for (const [name, value] of own) expect(sysctls.get(name)).toBe(value);
    expect(sysctls.get('net.ipv4.conf.eth1/7.rp_filter')).toBe('2');
  });

  it('keeps the identity of services that did not change', () => {
    const before = compose(config());
    const changed = service('203.0.113.100', 443, { scheduler: 'rr' });
    const after = compose(config({ services: [changed, service('203.0.113.100', 80)] }), before);
    const [web, tls] = [service('203.0.113.100', 80), changed].map(serviceKey);
    expect(after.services.get(web!)).toBe(before.services.get(web!));
    expect(after.services.get(tls!)).toBe(changed);
  });
});

describe('equalService', () => {
  it('sees every field', () => {
    const one = service('203.0.113.100', 80);
    const [first, second] = one.servers;
    expect(equalService(one, service('203.0.113.100', 80))).toBe(true);
    const others: Partial<VirtualService>[] = [
      { protocol: 'udp' },
      { address: parseAddress('203.0.113.101')! },
      { port: 81 },
      { scheduler: 'rr' },
      { timeouts: { ...DEFAULT_TIMEOUTS, udp: 1_000 } },
      { servers: [first!] },
      { servers: [second!, first!] },
      { servers: [first!, { ...second!, weight: 2 }] },
      { servers: [first!, { ...second!, port: 81 }] },
      { servers: [first!, { ...second!, address: parseAddress('192.168.1.9')! }] },
    ];
    for (const other of others)
      expect(equalService(one, { ...one, ...other }), JSON.stringify(other)).toBe(false);
  });

  it('for ip_vs has no programs and the stack’s way, and sets ip_vs’s own switches', () => {
    const plain = compose(config(), undefined, undefined, 'ipvs');
    expect(plain.interfaces.size).toBe(0);
    expect(plain.forwarding).toBe('stack');
    const switches = (state: typeof plain) =>
      [...state.sysctls].filter(([name]) => name.startsWith('net.ipv4.vs.')).map(([, value]) => value);
    expect(switches(plain)).toEqual(['0', '0', '0', '1']);
    expect(plain.sysctls.has('net.ipv4.conf.lo.accept_local')).toBe(false);
    expect(plain.sysctls.get('net.ipv4.ip_forward')).toBe('1');
    const persistence = { timeout: 60_000, granularity: 32, expire_quiescent_template: true } as const;
    const services = [service('203.0.113.1', 80, { sloppy_tcp: true, secure_tcp: true, persistence })];
    expect(switches(compose(config({ services }), undefined, undefined, 'ipvs'))).toEqual([
      '1',
      '3',
      '1',
      '1',
    ]);
    expect(switches(compose(config({ services })))).toEqual([]);
  });
});
