import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sysctlOrder } from './sysctl-order.ts';

const NAMES = [
  'net.core.somaxconn',
  'net.ipv4.ip_forward',
  'net.ipv4.conf.all.rp_filter',
  'net.ipv4.conf.default.rp_filter',
  'net.ipv4.conf.eth0.rp_filter',
  'net.ipv4.conf.eth0/100.send_redirects',
  'net.ipv6.conf.all.forwarding',
  'net.ipv6.conf.eth1.accept_ra',
  'net.netfilter.nf_conntrack_max',
];

describe('sysctlOrder', () => {
  it('puts what reaches further before what it reaches', () => {
    expect(sysctlOrder(NAMES)).toEqual([
      'net.ipv4.ip_forward',
      'net.ipv6.conf.all.forwarding',
      'net.ipv4.conf.all.rp_filter',
      'net.ipv4.conf.default.rp_filter',
      'net.core.somaxconn',
      'net.ipv4.conf.eth0.rp_filter',
      'net.ipv4.conf.eth0/100.send_redirects',
      'net.ipv6.conf.eth1.accept_ra',
      'net.netfilter.nf_conntrack_max',
    ]);
  });

  it('is the same whatever order the names came in', () => {
    const shuffled = fc.shuffledSubarray(NAMES, { minLength: NAMES.length });
    fc.assert(
      fc.property(shuffled, (names) => {
        expect(sysctlOrder(names)).toEqual(sysctlOrder(NAMES));
      }),
    );
  });
});
