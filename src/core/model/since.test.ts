import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../address/address.ts';
import type { ServiceCounters } from './counters.ts';
import type { ServiceKey } from './service.ts';
import { NO_BASELINE, servicesSince, verdictsSince, zeroed } from './since.ts';

const traffic = fc.record({
  conns: fc.nat(1000),
  inpkts: fc.nat(1000),
  outpkts: fc.nat(1000),
  inbytes: fc.nat(1000),
  outbytes: fc.nat(1000),
});
type Numbers = typeof traffic extends fc.Arbitrary<infer T> ? T : never;

const service = (own: Numbers, server: Numbers): ServiceCounters => ({
  key: 'tcp 203.0.113.100:80' as ServiceKey,
  scheduler: 'wlc',
  leaving: false,
  ...own,
  servers: [
    {
      ...server,
      address: parseAddress('192.168.1.1')!,
      port: 80,
      weight: 3,
      active: 7,
      inactive: 2,
      templates: 0,
      leaving: false,
    },
  ],
});
const plus = (a: Numbers, b: Numbers): Numbers => ({
  conns: a.conns + b.conns,
  inpkts: a.inpkts + b.inpkts,
  outpkts: a.outpkts + b.outpkts,
  inbytes: a.inbytes + b.inbytes,
  outbytes: a.outbytes + b.outbytes,
});

describe('counters since a zero', () => {
  it('are what was counted after it, to the unit; present connections are as they are', () => {
    fc.assert(
      fc.property(traffic, traffic, traffic, traffic, (own, server, more, moreAtServer) => {
        const baseline = zeroed(NO_BASELINE, [service(own, server)]);
        const now = service(plus(own, more), plus(server, moreAtServer));
        expect(servicesSince([now], baseline)).toEqual([service(more, moreAtServer)]);
      }),
    );
  });

  it('are never negative, also when the kernel began anew', () => {
    fc.assert(
      fc.property(traffic, traffic, (then, now) => {
        const [seen] = servicesSince([service(now, now)], zeroed(NO_BASELINE, [service(then, then)]));
        for (const one of [seen!, seen!.servers[0]!])
          for (const field of ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const) {
            expect(one[field]).toBeGreaterThanOrEqual(0);
            expect(one[field]).toBeLessThanOrEqual(now[field]);
          }
      }),
    );
  });

  it('leave services and verdicts alone that were not set to zero', () => {
    const one = service(
      { conns: 5, inpkts: 1, outpkts: 1, inbytes: 1, outbytes: 1 },
      {
        conns: 5,
        inpkts: 1,
        outpkts: 1,
        inbytes: 1,
        outbytes: 1,
      },
    );
    const other = { ...one, key: 'udp 203.0.113.100:53' as ServiceKey };
    const baseline = zeroed(NO_BASELINE, [one]);
    expect(servicesSince([other], baseline)).toEqual([other]);
    expect(verdictsSince({ forwarded: 9 }, baseline)).toEqual({ forwarded: 9 });
    expect(verdictsSince({ forwarded: 9, conflict: 2 }, zeroed(baseline, [], { forwarded: 4 }))).toEqual({
      forwarded: 5,
      conflict: 2,
    });
  });
});
