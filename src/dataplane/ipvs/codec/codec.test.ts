import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetlinkFormatError, unwrap } from '../../../kernel/netlink/answer.ts';
import {
  type Attribute,
  attributeValue,
  decodeAttributes,
  encodeAttributes,
} from '../../../kernel/netlink/attribute.ts';
import { LITTLE_ENDIAN, u32, viewOf } from '../../../kernel/netlink/bytes.ts';
import { anyDaemon, anyServer, anyService } from './arbitrary.fixture.ts';
import { daemonAttribute, decodeDaemon } from './daemon.ts';
import { IPVS_CMD_ATTR, IPVS_DEST_ATTR, IPVS_INFO_ATTR, IPVS_STATS_ATTR, IPVS_SVC_ATTR } from './numbers.ts';
import { decodeServer, serverAttribute } from './server.ts';
import { decodeService, serviceAttribute, serviceIdAttribute } from './service.ts';
import { decodeInfo, decodeTimeouts, encodeTimeouts } from './settings.ts';
import { NO_STATS } from './stats.ts';
import type { IpvsStats } from './values.ts';

const bytesOf = (attribute: Attribute): Uint8Array => encodeAttributes([attribute]);

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => { readonly ok: boolean }>> = {
  service: decodeService,
  server: (bytes) => decodeServer(bytes, 4),
  daemon: decodeDaemon,
  timeouts: decodeTimeouts,
  info: decodeInfo,
};

/** The attributes inside the one of these bytes, changed. */
function inside(bytes: Uint8Array, change: (attributes: readonly Attribute[]) => readonly Attribute[]) {
  const [outer] = unwrap('test', decodeAttributes(bytes, 0));
  const inner = unwrap('test', decodeAttributes(outer!.value, 0));
  return bytesOf({ type: outer!.type, value: encodeAttributes(change(inner)) });
}

/** What the kernel may say of a thing in a version that is yet to come: types that have no name today. */
const unknown = fc.record({
  type: fc.integer({ min: 16, max: 0x3fff }),
  value: fc.uint8Array({ maxLength: 20 }),
});

describe('what is sent is what is read', () => {
  it('of services, whatever unknown attributes are among it', () => {
    fc.assert(
      fc.property(anyService, fc.array(unknown), (service, more) => {
        const bytes = inside(bytesOf(serviceAttribute(service)), (known) => [...more, ...known, ...more]);
        expect(decodeService(bytes)).toEqual({ ok: true, value: { ...service, stats: NO_STATS } });
      }),
    );
  });

  it('of servers', () => {
    fc.assert(
      fc.property(anyServer, fc.array(unknown), (server, more) => {
        const bytes = inside(bytesOf(serverAttribute(server)), (known) => [...more, ...known]);
        const counts = { active: 0, inactive: 0, persistent: 0, stats: NO_STATS };
        expect(decodeServer(bytes, 4)).toEqual({ ok: true, value: { ...server, ...counts } });
      }),
    );
  });

  it('of daemons and time-outs', () => {
    fc.assert(
      fc.property(anyDaemon, fc.array(unknown), (daemon, more) => {
        const bytes = inside(bytesOf(daemonAttribute(daemon)), (known) => [...known, ...more]);
        expect(decodeDaemon(bytes)).toEqual({ ok: true, value: daemon });
      }),
    );
    const seconds = fc.nat({ max: 0x7fff_ffff });
    fc.assert(
      fc.property(fc.record({ tcp: seconds, tcp_fin: seconds, udp: seconds }), (timeouts) => {
        expect(decodeTimeouts(encodeTimeouts(timeouts))).toEqual({ ok: true, value: timeouts });
      }),
    );
  });
});

describe('answers of kernels to come', () => {
  it('say more in each attribute than we know of, and more attributes around it', () => {
    const tail = fc.uint8Array({ minLength: 4, maxLength: 8 });
    /** Numbers, addresses and ports with something behind them; names end with their zero. */
    const longer = (bytes: Uint8Array, more: Uint8Array) =>
      inside(bytes, (known) =>
        known.map(({ type, value }) => ({ type, value: Uint8Array.of(...value, ...more) })),
      );
    fc.assert(
      fc.property(anyServer, anyService, tail, fc.array(unknown), (server, service, more, others) => {
        const around = encodeAttributes(others);
        const answers = [serverAttribute(server), serviceAttribute(service)].map((one) =>
          Uint8Array.of(...around, ...longer(bytesOf(one), more), ...around),
        );
        const counts = { active: 0, inactive: 0, persistent: 0, stats: NO_STATS };
        expect(decodeServer(answers[0]!, 4)).toEqual({ ok: true, value: { ...server, ...counts } });
        expect(decodeService(answers[1]!)).toEqual({ ok: true, value: { ...service, stats: NO_STATS } });
      }),
    );
  });

  it('say more of time-outs and of ip_vs itself', () => {
    const others = encodeAttributes([{ type: 99, value: Uint8Array.of(1, 2, 3) }]);
    const timeouts = { tcp: 1, tcp_fin: 2, udp: 3 };
    expect(decodeTimeouts(Uint8Array.of(...others, ...encodeTimeouts(timeouts)))).toEqual({
      ok: true,
      value: timeouts,
    });
    const info = encodeAttributes([
      { type: IPVS_INFO_ATTR.VERSION, value: u32(0x010201) },
      { type: IPVS_INFO_ATTR.CONN_TAB_SIZE, value: Uint8Array.of(...u32(4096), 0, 0, 0, 1) },
    ]);
    expect(decodeInfo(Uint8Array.of(...info, ...others))).toEqual({
      ok: true,
      value: { version: '1.2.1', conn_tab_size: 4096 },
    });
  });
});

describe('on the wire', () => {
  it('are a service’s attributes as linux/ip_vs.h has them: ports and addresses in network order, the rest in the host’s', () => {
    const service = { protocol: 'tcp', address: '203.0.113.1', port: 80 } as never;
    const [outer] = unwrap('test', decodeAttributes(bytesOf(serviceIdAttribute(service)), 0));
    expect(outer!.type).toBe(1);
    const inner = unwrap('test', decodeAttributes(outer!.value, 0));
    expect(inner.map(({ type }) => type)).toEqual([1, 2, 3, 4]);
    expect([...attributeValue(inner, 3)!]).toEqual([203, 0, 113, 1, ...new Array(12).fill(0)]);
    expect([...attributeValue(inner, 4)!]).toEqual([0, 80]);
    expect(new DataView(attributeValue(inner, 2)!.slice().buffer).getUint16(0, LITTLE_ENDIAN)).toBe(6);
  });
});

describe('statistics', () => {
  const u64 = (value: bigint): Uint8Array => {
    const bytes = new Uint8Array(8);
    viewOf(bytes).setBigUint64(0, value, LITTLE_ENDIAN);
    return bytes;
  };
  const statsOf = (...attributes: Attribute[]): IpvsStats => {
    const service = {
      id: { fwmark: 1, family: 6 },
      scheduler: 'rr',
      flags: 0,
      timeout: 0,
      netmask: 128,
    } as const;
    const bytes = inside(bytesOf(serviceAttribute(service)), (known) => [...known, ...attributes]);
    return unwrap('test', decodeService(bytes)).stats;
  };
  const narrow = {
    type: IPVS_SVC_ATTR.STATS,
    value: encodeAttributes([
      { type: IPVS_STATS_ATTR.CONNS, value: u32(0xffff_ffff) },
      { type: IPVS_STATS_ATTR.INBYTES, value: u64(1n << 40n) },
    ]),
  };

  it('are those of 64 bits where the kernel has them', () => {
    const big = (1n << 63n) + 1n;
    const wide = {
      type: IPVS_SVC_ATTR.STATS64,
      value: encodeAttributes([
        { type: IPVS_STATS_ATTR.CONNS, value: u64(big) },
        { type: IPVS_STATS_ATTR.OUTBPS, value: u64(7n) },
        // A number that is yet to be counted.
        { type: 40, value: u64(9n) },
      ]),
    };
    expect(statsOf(narrow, wide)).toEqual({ ...NO_STATS, conns: big, outbps: 7n });
  });

  it('are those of 32 bits where it has no others, whose bytes are of 64 all the same', () => {
    expect(statsOf(narrow)).toEqual({ ...NO_STATS, conns: 0xffff_ffffn, inbytes: 1n << 40n });
  });
});

describe('bytes that are no answer', () => {
  it.each(Object.entries(DECODERS))('give a %s or a complaint, never an exception', (_, decode) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        expect(typeof decode(bytes).ok).toBe('boolean');
      }),
    );
    // Attributes well formed, of types that mean something, with whatever in them.
    const attribute = fc.record({
      type: fc.integer({ min: 0, max: 17 }),
      value: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3), fc.array(attribute, { maxLength: 16 }), (type, inner) => {
        const value = encodeAttributes(inner);
        expect(typeof decode(encodeAttributes([{ type, value }, ...inner])).ok).toBe('boolean');
      }),
    );
  });

  it('are complained of when a good answer is cut short or its attributes are, by the one named error', () => {
    fc.assert(
      fc.property(anyService, fc.nat(200), (service, cut) => {
        const bytes = bytesOf(serviceAttribute(service));
        if (cut >= bytes.length - 3) return;
        expect(() => unwrap('list', decodeService(bytes.subarray(0, cut)))).toThrow(NetlinkFormatError);
      }),
    );
    fc.assert(
      fc.property(anyServer, fc.nat(6), (server, at) => {
        const bytes = inside(bytesOf(serverAttribute(server)), (known) =>
          known.map((one, i) => (i === at ? { ...one, value: one.value.subarray(0, 1) } : one)),
        );
        expect(() => unwrap('list', decodeServer(bytes, 4))).toThrow(NetlinkFormatError);
      }),
    );
  });

  it('are complained of where statistics are cut short', () => {
    const stats = Uint8Array.of(...encodeAttributes([{ type: IPVS_STATS_ATTR.CONNS, value: u32(1) }]));
    for (const value of [stats.subarray(0, 6), Uint8Array.of(6, 0, IPVS_STATS_ATTR.CONNS, 0, 1, 0)]) {
      const server = { address: '192.0.2.1', port: 80, forward: 'masq', weight: 1 } as never;
      const bytes = inside(bytesOf(serverAttribute(server)), (known) => [
        ...known,
        { type: IPVS_DEST_ATTR.STATS64, value },
      ]);
      expect(() => unwrap('list', decodeServer(bytes, 4))).toThrow(NetlinkFormatError);
    }
  });

  it('say what it was that makes no sense', () => {
    const empty = encodeAttributes([{ type: IPVS_CMD_ATTR.SERVICE, value: new Uint8Array() }]);
    expect(() => unwrap('list', decodeService(empty))).toThrow(/list: .*family of a service/);
    expect(() => unwrap('list', decodeService(new Uint8Array()))).toThrow(/\(service\)/);
  });
});
