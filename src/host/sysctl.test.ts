import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { missingHint, normaliseValue, readSysctl, sideEffects, sysctlPath, writeSysctl } from './sysctl.ts';

describe('sysctlPath', () => {
  it('parts the name at dots, and takes a slash for a dot', () => {
    expect(sysctlPath('net.ipv4.ip_forward')).toBe('/proc/sys/net/ipv4/ip_forward');
    expect(sysctlPath('net.ipv4.conf.eth0/100.rp_filter')).toBe('/proc/sys/net/ipv4/conf/eth0.100/rp_filter');
  });

  it.each([
    'kernel.panic',
    'net',
    'net..ipv4',
    'net.ipv4.//.//.//.kernel.panic',
    'net./.x',
    '/etc/passwd',
    'net.ip v4.x',
    '',
  ])('refuses %j', (name) => {
    expect(() => sysctlPath(name)).toThrow(/not the name of a network parameter/);
  });
});

describe('readSysctl', () => {
  it('gives numbers parted by single spaces', () => {
    const raw = readFileSync('/proc/sys/net/ipv4/tcp_rmem', 'utf8');
    expect(raw).toContain('\t');
    expect(readSysctl('net.ipv4.tcp_rmem')).toBe(raw.trim().split('\t').join(' '));
    expect(normaliseValue(' 1\t 2\n')).toBe('1 2');
  });

  it('gives undefined for what the kernel does not have', () => {
    expect(readSysctl('net.ipv4.no_such_thing')).toBeUndefined();
    expect(readSysctl('net.ipv4.ip_forward.deeper')).toBeUndefined();
  });
});

describe('writeSysctl', () => {
  it('says which parameter, which value, why, and what to do', () => {
    expect(() => writeSysctl('net.ipv4.no_such_thing', '1')).toThrow(
      'net.ipv4.no_such_thing: cannot be set to "1": this kernel has no such parameter; sysctl -a lists those it has',
    );
  });

  it.each([
    ['net.netfilter.nf_conntrack_nonsense', 'modprobe nf_conntrack'],
    ['net.nf_conntrack_max', 'modprobe nf_conntrack'],
    ['net.bridge.bridge-nf-call-iptables', 'modprobe br_netfilter'],
    ['net.ipv4.conf.eth9/7.rp_filter', 'there is no interface eth9.7 here, only '],
    ['net.ipv6.nothing', 'ipv6.disable=1'],
  ])('a missing %s gets the hint %s', (name, hint) => {
    expect(missingHint(name)).toContain(hint);
  });
});

describe('sideEffects', () => {
  const interfaces = ['all', 'default', 'eth0.5'];

  it('of ip_forward are every forwarding switch, and accept_redirects the other way', () => {
    expect(Object.fromEntries(sideEffects('net.ipv4.ip_forward', '1', interfaces))).toEqual({
      'net.ipv4.conf.all.forwarding': '1',
      'net.ipv4.conf.default.forwarding': '1',
      'net.ipv4.conf.eth0/5.forwarding': '1',
      'net.ipv4.conf.all.accept_redirects': '0',
    });
  });

  it('of conf.all and conf.default reach the interfaces of their family', () => {
    expect([...sideEffects('net.ipv6.conf.all.disable_ipv6', '1', interfaces).keys()]).toEqual([
      'net.ipv6.conf.default.disable_ipv6',
      'net.ipv6.conf.eth0/5.disable_ipv6',
    ]);
  });

  it('of anything else are none', () => {
    expect(sideEffects('net.ipv4.conf.eth0.rp_filter', '1', interfaces).size).toBe(0);
    expect(sideEffects('net.ipv4.tcp_fin_timeout', '1', interfaces).size).toBe(0);
  });
});
