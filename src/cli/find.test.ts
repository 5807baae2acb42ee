import { describe, expect, it } from 'vitest';
import type { ServiceCounters } from '../core/model/counters.ts';
import type { ServiceKey } from '../core/model/service.ts';
import { findServices } from './find.ts';

const services = [
  'tcp 203.0.113.100:80',
  'udp 203.0.113.100:80',
  'tcp 203.0.113.100:443,8000-8100',
  'tcp 203.0.113.96/28:1-1024',
  'tcp [2001:db8::/64]:80,443',
  'tcp 203.0.113.7:0',
].map(
  (key): ServiceCounters => ({
    key: key as ServiceKey,
    scheduler: 'rr',
    leaving: false,
    servers: [],
    conns: 0,
    inpkts: 0,
    outpkts: 0,
    inbytes: 0,
    outbytes: 0,
  }),
);

describe('services by what people write', () => {
  it.each([
    ['tcp/203.0.113.100:80', [0]],
    ['tcp 203.0.113.100:8000-8100,443', [2]],
    ['203.0.113.100:80', [0, 1, 3]],
    ['203.0.113.100:8050', [2]],
    ['203.0.113.100', [0, 1, 2, 3]],
    ['203.0.113.97', [3]],
    ['203.0.113.96/28:1-1024', [3]],
    ['tcp/203.0.113.96/28:1-1024', [3]],
    ['[2001:db8::5]:443', [4]],
    ['2001:db8::5', [4]],
    ['203.0.113.7:0', [5]],
  ])('%s', (text, places) => {
    expect(findServices(services, text).map((one) => services.indexOf(one))).toEqual(places);
  });

  it.each(['203.0.113.112:80', '203.0.113.100:2000', 'tcp/203.0.113.100:443', '203.0.113.7:80'])(
    '%s is none of them',
    (text) => expect(() => findServices(services, text)).toThrow('no service'),
  );
});
