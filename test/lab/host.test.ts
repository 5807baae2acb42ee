/** The host in a network namespace of its own: everything it changes, it undoes, and it touches nothing of others'. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../src/core/address/address.ts';
import type { Masquerade, Vip } from '../../src/core/model/host.ts';
import type { DriverStep } from './host-driver.ts';
import { type HostLab, makeHostLab } from './host-lab.ts';

const VIP: Vip = { address: parseAddress('203.0.113.100')!, length: 24, interface: 'eth0', label: 'eth0:0' };
const VIP6: Vip = { address: parseAddress('2001:db8::100')!, length: 64, interface: 'eth0' };
const RULE: Masquerade = { source: parsePrefix('192.168.1.0/24')!, interface: 'eth0' };
const RULE6: Masquerade = { source: parsePrefix('fd00:1::/64')!, interface: 'eth0' };
const DONE = { value: null };

const CHANGES: readonly DriverStep[] = [
  ['setSysctl', 'net.ipv4.ip_forward', '1'],
  ['addVip', VIP],
  ['addMasquerade', RULE],
];

let lab: HostLab;
beforeEach(() => {
  lab = makeHostLab();
});
afterEach(() => lab.remove());

const addressesOf = (name: string) =>
  (JSON.parse(lab.run('ip', '-j', 'addr', 'show', 'dev', name)) as { addr_info: { local: string }[] }[])
    .flatMap((link) => link.addr_info)
    .map(({ local }) => local);
const table = () => lab.run('nft', 'list', 'table', 'inet', 'weir');

describe('the whole of it', () => {
  it('leaves the host as it was, whatever others have there', () => {
    lab.run('ip', 'addr', 'add', '203.0.113.1/24', 'dev', 'eth0');
    lab.run('ip', 'addr', 'add', '192.168.1.1/24', 'dev', 'eth1');
    lab.run('nft', 'add table ip others; add chain ip others c { type filter hook forward priority 0; }');
    lab.run('nft', 'add rule ip others c counter accept');
    lab.setSysctl('net.ipv4.conf.eth1.forwarding', '1');
    const before = lab.snapshot();
    const sysctls = [
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv6.conf.all.forwarding', '1'],
      ['net.ipv4.conf.all.rp_filter', '2'],
      ['net.ipv4.conf.default.send_redirects', '0'],
      ['net.ipv4.conf.eth0.send_redirects', '0'],
      ['net.ipv4.ip_local_port_range', '20000 60000'],
    ] as const;
    const wanted = {
      sysctls: sysctls.map(([name]) => name),
      vips: [VIP, VIP6],
      masquerade: [RULE, RULE6],
    };
    const results = lab.drive(
      ...sysctls.map(([name, value]) => ['setSysctl', name, value] as const),
      ['addVip', VIP],
      ['addVip', VIP6],
      ['addMasquerade', RULE],
      ['addMasquerade', RULE6],
      ['observe', wanted],
    );
    expect(results.slice(0, -1)).toEqual(Array(sysctls.length + 4).fill(DONE));
    expect(results.at(-1)).toEqual({
      value: {
        sysctls: Object.fromEntries(sysctls),
        vips: { '203.0.113.100/24 dev eth0': VIP, '2001:db8::100/64 dev eth0': VIP6 },
        masquerade: ['192.168.1.0/24 out eth0', 'fd00:1::/64 out eth0'],
      },
    });
    expect(lab.snapshot()).not.toEqual(before);

    const [restored, again] = lab.drive(['restore'], ['restore']);
    const lines = (restored as { value: string[] }).value;
    expect(lines).toContain('net.ipv4.ip_forward: 1 → 0 (as it was)');
    expect(lines).toContain('203.0.113.100/24 dev eth0: removed');
    expect(lines).toContain('nft table inet weir: removed');
    expect(again).toEqual({ value: [] });
    expect(lab.snapshot()).toEqual(before);
    expect(lab.record()).toBeUndefined();
  });

  it('observes without leaving a trace, and finds nothing on a fresh host', () => {
    const before = lab.snapshot();
    const wanted = { sysctls: ['net.ipv4.ip_forward', 'net.ipv4.nonsense'], vips: [VIP], masquerade: [RULE] };
    const [found] = lab.drive(['observe', wanted]);
    expect(found).toEqual({
      value: { sysctls: { 'net.ipv4.ip_forward': '0' }, vips: {}, masquerade: [] },
    });
    expect(lab.snapshot()).toEqual(before);
    expect(lab.record()).toBeUndefined();
  });
});

describe('VIPs', () => {
  it('are what ip addr add makes of them', () => {
    lab.run('ip', 'addr', 'add', '203.0.113.100/24', 'dev', 'eth0', 'label', 'eth0:0');
    lab.run('ip', 'addr', 'add', '2001:db8::100/64', 'dev', 'eth0', 'nodad');
    const byIp = lab.run('ip', '-j', 'addr', 'show', 'dev', 'eth0');
    lab.run('ip', 'addr', 'flush', 'dev', 'eth0');
    expect(lab.drive(['addVip', VIP], ['addVip', VIP6])).toEqual([DONE, DONE]);
    expect(JSON.parse(lab.run('ip', '-j', 'addr', 'show', 'dev', 'eth0'))).toEqual(JSON.parse(byIp));
  });

  it('that were there before are found, and never removed', () => {
    lab.run('ip', 'addr', 'add', '203.0.113.100/24', 'dev', 'eth0');
    const [added, observed, removed, restored] = lab.drive(
      ['addVip', VIP],
      ['observe', { vips: [VIP] }],
      ['removeVip', VIP],
      ['restore'],
    );
    expect([added, removed, restored]).toEqual([DONE, DONE, { value: [] }]);
    expect(observed).toMatchObject({ value: { vips: { '203.0.113.100/24 dev eth0': VIP } } });
    expect(addressesOf('eth0')).toEqual(['203.0.113.100']);
  });

  it('show the label that they have, so that another can be given', () => {
    const { label: _, ...bare } = VIP;
    const key = '203.0.113.100/24 dev eth0';
    const steps = lab.drive(
      ['addVip', VIP],
      ['observe', { vips: [{ ...VIP, label: 'eth0:9' }] }],
      ['removeVip', { ...VIP, label: 'eth0:9' }],
      ['addVip', bare],
      ['observe', { vips: [bare] }],
    );
    expect(steps[1]).toMatchObject({ value: { vips: { [key]: VIP } } });
    expect((steps[4] as { value: { vips: object } }).value.vips).toEqual({ [key]: bare });
  });

  it('that are their subnet’s first leave others’ addresses of it in place when they go', () => {
    expect(lab.drive(['addVip', VIP])).toEqual([DONE]);
    lab.run('ip', 'addr', 'add', '203.0.113.7/24', 'dev', 'eth0');
    lab.run('ip', 'addr', 'add', '203.0.113.8/24', 'dev', 'eth0');
    expect(lab.sysctl('net.ipv4.conf.eth0.promote_secondaries')).toBe('0');
    expect(lab.drive(['removeVip', VIP])).toEqual([DONE]);
    expect(addressesOf('eth0')).toEqual(['203.0.113.7', '203.0.113.8']);
    expect(lab.run('ip', 'route', 'show', 'dev', 'eth0')).toContain('203.0.113.0/24');
    expect(lab.sysctl('net.ipv4.conf.eth0.promote_secondaries')).toBe('0');
    expect(lab.record()).toMatchObject({ sysctls: {}, vips: [] });
  });

  it('removed by hand, or with their interface, are no hindrance', () => {
    lab.drive(['addVip', VIP], ['addVip', { ...VIP, interface: 'eth1', label: 'eth1:0' }]);
    lab.run('ip', 'addr', 'del', '203.0.113.100/24', 'dev', 'eth0');
    lab.run('ip', 'link', 'del', 'eth1');
    expect(lab.drive(['restore'])).toEqual([
      {
        value: ['203.0.113.100/24 dev eth0: gone already', '203.0.113.100/24 dev eth1: gone already'],
      },
    ]);
  });

  it('that cannot be added say why', () => {
    lab.run('ip', 'addr', 'add', '2001:db8::100/128', 'dev', 'eth0', 'nodad');
    const results = lab.drive(['addVip', { ...VIP, interface: 'eth7' }], ['addVip', VIP6]);
    expect(results).toMatchObject([
      { error: expect.stringContaining('there is no interface eth7') },
      { error: expect.stringContaining('with another prefix length') },
    ]);
    expect(lab.drive(['restore'])).toEqual([{ value: [] }]);
    expect(addressesOf('eth0')).toEqual(['2001:db8::100']);
  });
});

describe('sysctls', () => {
  it('changed by others meanwhile are left alone, and the line says so', () => {
    lab.drive(['setSysctl', 'net.ipv4.conf.all.rp_filter', '2']);
    lab.setSysctl('net.ipv4.conf.all.rp_filter', '1');
    const [restored] = lab.drive(['restore']);
    expect(restored).toEqual({
      value: ['net.ipv4.conf.all.rp_filter: left at 1, which is not what Weir set (2); it was 0'],
    });
    expect(lab.sysctl('net.ipv4.conf.all.rp_filter')).toBe('1');
  });

  it('go back to the first original after several changes', () => {
    lab.drive(
      ['setSysctl', 'net.ipv4.conf.eth0.rp_filter', '2'],
      ['setSysctl', 'net.ipv4.conf.eth0.rp_filter', '1'],
    );
    expect(lab.drive(['restore'])).toEqual([{ value: ['net.ipv4.conf.eth0.rp_filter: 1 → 0 (as it was)'] }]);
  });

  it('of an interface survive the forwarding switch going back', () => {
    lab.setSysctl('net.ipv4.conf.eth1.forwarding', '1');
    lab.setSysctl('net.ipv6.conf.eth1.forwarding', '1');
    lab.drive(
      ['setSysctl', 'net.ipv4.ip_forward', '1'],
      ['setSysctl', 'net.ipv6.conf.all.forwarding', '1'],
      ['restore'],
    );
    const keys = ['ipv4.conf.eth0', 'ipv4.conf.eth1', 'ipv6.conf.eth0', 'ipv6.conf.eth1'];
    expect(keys.map((key) => lab.sysctl(`net.${key}.forwarding`))).toEqual(['0', '1', '0', '1']);
    expect(lab.sysctl('net.ipv4.conf.all.accept_redirects')).toBe('1');
  });

  it('that the kernel does not have, or values it refuses, are errors and leave nothing to restore', () => {
    const results = lab.drive(
      ['setSysctl', 'net.ipv4.conf.eth9.rp_filter', '1'],
      ['setSysctl', 'net.ipv4.ip_local_port_range', '60000 20000'],
      ['setSysctl', 'kernel.panic', '1'],
      ['restore'],
    );
    expect(results).toMatchObject([
      { error: expect.stringContaining('there is no interface eth9 here, only ') },
      {
        error: expect.stringMatching(
          /ip_local_port_range: cannot be set to "60000 20000": the kernel refuses/,
        ),
      },
      { error: expect.stringContaining('not the name of a network parameter') },
      { value: [] },
    ]);
  });
});

describe('masquerading', () => {
  it('keeps to its own table, and takes it away with the last rule', () => {
    expect(lab.drive(['addMasquerade', RULE], ['addMasquerade', RULE6])).toEqual([DONE, DONE]);
    expect(table()).toContain('ip saddr 192.168.1.0/24 oifname "eth0" masquerade');
    expect(table()).toContain('ip6 saddr fd00:1::/64 oifname "eth0" masquerade');
    lab.drive(['removeMasquerade', RULE]);
    expect(table()).not.toContain('192.168.1.0');
    lab.drive(['removeMasquerade', RULE6]);
    expect(lab.run('nft', 'list', 'ruleset')).toBe('');
  });

  it.each([
    ['a rule added', 'insert rule inet weir postrouting ip daddr 10.0.0.1 accept'],
    [
      'a rule of our kind added',
      'add rule inet weir postrouting ip saddr 10.0.0.0/8 oifname "eth0" masquerade',
    ],
    ['the rules flushed', 'flush table inet weir'],
    ['a chain added', 'add chain inet weir theirs'],
    ['the table deleted', 'delete table inet weir'],
  ])('notices %s by hand, and makes the table anew', (_, edit) => {
    lab.drive(['addMasquerade', RULE]);
    const sound = table();
    lab.run('nft', edit);
    const [edited, added, observed] = lab.drive(
      ['observe', { masquerade: [RULE] }],
      ['addMasquerade', RULE],
      ['observe', { masquerade: [RULE] }],
    );
    expect(edited).toMatchObject({ value: { masquerade: [] } });
    expect(added).toEqual(DONE);
    expect(observed).toMatchObject({ value: { masquerade: ['192.168.1.0/24 out eth0'] } });
    expect(table()).toBe(sound);
  });

  it('in an edited table is still removed when no longer wanted', () => {
    lab.drive(['addMasquerade', RULE]);
    lab.run('nft', 'flush table inet weir; add rule inet weir postrouting accept');
    const [observed] = lab.drive(['observe', {}], ['removeMasquerade', RULE]);
    expect(observed).toMatchObject({ value: { masquerade: ['192.168.1.0/24 out eth0'] } });
    expect(lab.run('nft', 'list', 'ruleset')).toBe('');
  });

  it('leaves a table of the same name alone that it did not make', () => {
    lab.run('nft', 'add table inet weir');
    const [observed, added, restored] = lab.drive(
      ['observe', { masquerade: [RULE] }],
      ['addMasquerade', RULE],
      ['restore'],
    );
    expect(observed).toMatchObject({ value: { masquerade: [] } });
    expect(added).toMatchObject({ error: expect.stringContaining('nft delete table inet weir') });
    expect(restored).toEqual({ value: [] });
    expect(lab.run('nft', 'list', 'tables')).toContain('table inet weir');
  });

  it('without nft says how to get it, and is not needed where nothing is to be masqueraded', () => {
    const [observed, added, restored] = lab.driveWithNft(
      'nft-that-is-not-there',
      ['observe', { masquerade: [RULE] }],
      ['addMasquerade', RULE],
      ['restore'],
    );
    expect(observed).toMatchObject({ value: { masquerade: [] } });
    expect(added).toMatchObject({ error: expect.stringContaining('apt-get install nftables') });
    expect(restored).toEqual({ value: [] });
  });
});

describe('after a kill', () => {
  const everything = () => lab.drive(...CHANGES);

  it('between record and change, the record of what never happened does no harm', () => {
    const before = lab.snapshot();
    everything();
    const record = lab.record()!;
    lab.drive(['restore']);
    lab.writeRecord(record);
    expect(lab.drive(['restore'])).toEqual([
      { value: ['203.0.113.100/24 dev eth0: gone already', 'nft table inet weir: gone already'] },
    ]);
    expect(lab.snapshot()).toEqual(before);
  });

  it('between record and change, the next run carries on', () => {
    everything();
    const record = lab.record()!;
    const done = lab.snapshot();
    lab.drive(['restore']);
    lab.writeRecord(record);
    expect(everything()).toEqual([DONE, DONE, DONE]);
    expect(lab.snapshot()).toEqual(done);
    expect(lab.record()).toEqual(record);
  });

  it('between a second change and its record, the parameter still goes back', () => {
    lab.drive(['setSysctl', 'net.ipv4.conf.eth0.rp_filter', '1']);
    const name = 'net.ipv4.conf.eth0.rp_filter';
    lab.writeRecord({ ...lab.record(), sysctls: { [name]: { original: '0', ours: ['1', '2'] } } });
    expect(lab.drive(['restore'])).toEqual([{ value: [`${name}: 1 → 0 (as it was)`] }]);
  });

  it('between change and the end of its record, what was removed is no longer missed', () => {
    everything();
    const record = lab.record()!;
    lab.drive(['removeVip', VIP], ['removeMasquerade', RULE]);
    lab.writeRecord(record);
    const [observed] = lab.drive(['observe', { vips: [VIP], masquerade: [RULE] }]);
    expect(observed).toMatchObject({ value: { vips: {}, masquerade: [] } });
    expect(lab.drive(['removeVip', VIP], ['removeMasquerade', RULE])).toEqual([DONE, DONE]);
    expect(lab.record()).toMatchObject({ vips: [], masquerade: [] });
  });

  it.each<[string, readonly DriverStep[], readonly DriverStep[]]>([
    ['a change', [], CHANGES],
    ['a restore', CHANGES, [['restore']]],
  ])(
    'at any moment of %s, a restore puts everything back',
    (_, first, killed) => {
      lab.setSysctl('net.ipv4.conf.eth1.forwarding', '1');
      lab.run('ip', 'addr', 'add', '203.0.113.1/24', 'dev', 'eth0');
      const before = lab.snapshot();
      let moments = 0;
      for (;;) {
        if (first.length > 0) lab.drive(...first);
        if (!lab.driveKilledAt(moments + 1, ...killed)) break;
        moments += 1;
        expect(lab.drive(['restore'])[0]).toHaveProperty('value');
        expect([moments, lab.snapshot()]).toEqual([moments, before]);
      }
      lab.drive(['restore']);
      expect(lab.snapshot()).toEqual(before);
      expect(moments).toBeGreaterThanOrEqual(7);
    },
    180_000,
  );

  it('in the middle of removing a primary VIP, promote_secondaries goes back', () => {
    lab.drive(['addVip', VIP]);
    const name = 'net.ipv4.conf.eth0.promote_secondaries';
    lab.writeRecord({ ...lab.record(), sysctls: { [name]: { original: '0', ours: ['1'] } } });
    lab.setSysctl(name, '1');
    lab.drive(['restore']);
    expect(lab.sysctl(name)).toBe('0');
  });
});

describe('the kernel’s lists', () => {
  it('name the links of this namespace, and a digest that follows the routes', () => {
    lab.run('ip', 'link', 'set', 'eth1', 'mtu', '1400', 'down');
    const [links, before] = lab.drive(['listLinks'], ['routesDigest']);
    const named = (links as { value: { name: string }[] }).value;
    expect(named).toContainEqual(expect.objectContaining({ name: 'eth0', type: 1, mtu: 1500, up: true }));
    expect(named).toContainEqual(expect.objectContaining({ name: 'eth1', type: 1, mtu: 1400, up: false }));
    expect(named).toContainEqual(expect.objectContaining({ name: 'lo', type: 772 }));
    const digest = () => lab.drive(['routesDigest'])[0];
    expect(digest()).toEqual(before);
    lab.run('ip', 'route', 'add', '198.51.100.0/24', 'dev', 'eth0');
    const added = digest();
    expect(added).not.toEqual(before);
    lab.run('ip', 'route', 'del', '198.51.100.0/24', 'dev', 'eth0');
    expect(digest()).toEqual(before);
    lab.run('ip', '-6', 'rule', 'add', 'fwmark', '7', 'lookup', '100');
    expect(digest()).not.toEqual(before);
  });
});
