/** The ip_vs plane over a table in memory: what it writes, in which order, and what it knows of it afterwards. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceWith } from '../../../test/contract/conversation.ts';
import { serviceKey, type VirtualService } from '../../core/model/service.ts';
import { memoryPlane } from './memory-plane.fixture.ts';
import { memoryTable } from './memory-table.fixture.ts';
import { ipvsIdOf, ipvsServersOf } from './translate.ts';

const own = memoryPlane();
const { open, look, serversIn } = own;

/** Gives a server connections. */
const load = (service: VirtualService, i: number, active: number): void => {
  const { servers } = own.table.services.get(serviceKey(service))!;
  const at = servers.findIndex(({ address }) => address === service.servers[i]!.address);
  servers[at] = { ...servers[at]!, active };
};

describe('a service that is published', () => {
  it('is in the table with its servers in their order, and observed as it was published', async () => {
    const plane = open();
    const service: VirtualService = {
      ...serviceWith([3, 0, 1], { scheduler: 'sh', scheduler_flags: ['sh-fallback', 'sh-port'] }),
      persistence: { timeout: 90_000, granularity: 24 },
    };
    plane.publishService(service);
    expect(own.table.services.get('tcp 203.0.113.100:80')!.service).toEqual({
      id: { protocol: 'tcp', address: '203.0.113.100', port: 80 },
      scheduler: 'sh',
      flags: 1 | 8 | 16,
      timeout: 90,
      netmask: '255.255.255.0',
    });
    expect(serversIn(service)).toEqual([
      ['1', 3],
      ['2', 0],
      ['3', 1],
    ]);
    const { services, damaged } = await look(plane);
    expect([...services.values()]).toEqual([service]);
    expect(damaged).toEqual(new Map());
    plane.close();
  });

  it('leads from any servers to any others, never with fewer able ones than both have', async () => {
    const weights = fc.array(fc.nat({ max: 3 }), { maxLength: 3 });
    const state = fc.record({ weights, leave: fc.nat({ max: 2 }) });
    const published = (one: { weights: number[]; leave: number }): VirtualService => {
      const service = serviceWith(one.weights);
      return { ...service, servers: service.servers.filter((_, i) => i !== one.leave) };
    };
    await fc.assert(
      fc.asyncProperty(state, state, fc.boolean(), async (from, to, busy) => {
        own.table = memoryTable();
        const plane = open();
        const [before, after] = [published(from), published(to)];
        plane.publishService(before);
        if (busy) for (const i of before.servers.keys()) load(before, i, 1);
        const able = (servers: readonly { weight: number }[]) =>
          servers.filter(({ weight }) => weight > 0).length;
        const least = Math.min(able(before.servers), able(after.servers));
        const check = () =>
          expect(able(own.table.services.get(serviceKey(before))!.servers)).toBeGreaterThanOrEqual(least);
        own.table.before = check;
        plane.publishService(after);
        check();
        expect([...(await look(plane)).services.values()]).toEqual([after]);
        expect((await look(plane)).damaged).toEqual(new Map());
        // What is there and not asked for has connections, and gets no others.
        const wanted = new Set<string>(after.servers.map(({ address }) => address));
        for (const one of own.table.services.get(serviceKey(after))!.servers)
          if (!wanted.has(one.address)) expect([one.weight, busy]).toEqual([0, true]);
        plane.destroy();
      }),
    );
  });

  it('takes over one that somebody else has made, its servers too', () => {
    const service = serviceWith([1, 1]);
    const other = memoryTable();
    own.table = other;
    own.table.addService({
      id: { protocol: 'tcp', address: service.address, port: 80 },
      scheduler: 'rr',
      flags: 2,
      timeout: 360,
      netmask: service.address,
    });
    own.table.addServer({ protocol: 'tcp', address: service.address, port: 80 }, ipvsServersOf(service)[0]!);
    const asked: string[] = [];
    own.table.before = (what) => void asked.push(what);
    const plane = open();
    plane.publishService(service);
    expect(asked).toEqual(['add 192.168.1.102:8080']);
    plane.close();
  });
});

it('puts packets into the tunnel that a server is to have', () => {
  const plane = open();
  const [one, two] = serviceWith([1, 1]).servers;
  const gue = { type: 'gue', port: 6080, checksum: 'remote' } as const;
  const service: VirtualService = {
    ...serviceWith([]),
    servers: [
      { ...one!, method: 'tunnel', tunnel: gue },
      { ...two!, method: 'tunnel', tunnel: { type: 'gre' } },
    ],
  };
  plane.publishService(service);
  const tunnels = () => own.table.listServers(ipvsIdOf(service)).map(({ tunnel }) => tunnel);
  expect(tunnels()).toEqual([
    { type: 'gue', port: 6080, flags: 2 },
    { type: 'gre', port: 0, flags: 0 },
  ]);
  expect(plane.counters()[0]!.servers.map(({ tunnel }) => tunnel)).toEqual([gue, { type: 'gre' }]);
  const asked: string[] = [];
  own.table.before = (what) => void asked.push(what);
  plane.publishService(service);
  expect(asked).toEqual([]);
  plane.publishService({ ...service, servers: [{ ...one!, method: 'tunnel' }, service.servers[1]!] });
  expect(tunnels()[0]).toBeUndefined();
  plane.close();
});

it('has services of marks and of SCTP, found again by their keys', async () => {
  const plane = open();
  const marked: VirtualService = {
    ...serviceWith([1, 2]),
    protocol: 'fwmark',
    fwmark: 7,
    address: '0.0.0.0' as never,
    port: 0,
    persistence: { timeout: 60_000, granularity: 32, engine: 'sip' },
  };
  const sctp: VirtualService = { ...serviceWith([1]), protocol: 'sctp' };
  plane.publishService(marked);
  plane.publishService(sctp);
  expect([...own.table.services.keys()]).toEqual(['fwmark 7', 'sctp 203.0.113.100:80']);
  expect(own.table.getService({ fwmark: 7, family: 4 })).toMatchObject({ pe: 'sip', timeout: 60 });
  expect(plane.counters().map(({ key, servers }) => [key, servers.length])).toEqual([
    ['fwmark 7', 2],
    ['sctp 203.0.113.100:80', 1],
  ]);
  expect([...(await look(plane)).services.keys()]).toEqual(plane.counters().map(({ key }) => key));
  plane.removeService(serviceKey(marked));
  expect([...own.table.services.keys()]).toEqual(['sctp 203.0.113.100:80']);
  plane.close();
});

it('forwards as each server is to be forwarded to', () => {
  const plane = open();
  const [one, two, three] = serviceWith([1, 1, 1]).servers;
  const service: VirtualService = {
    ...serviceWith([]),
    servers: [{ ...one!, method: 'direct' }, { ...two!, method: 'tunnel' }, three!],
  };
  plane.publishService(service);
  const forwards = () => own.table.listServers(ipvsIdOf(service)).map(({ forward }) => forward);
  expect(forwards()).toEqual(['route', 'tunnel', 'masq']);
  expect(plane.counters()[0]!.servers.map(({ method }) => method)).toEqual(['direct', 'tunnel', undefined]);
  plane.publishService({ ...service, servers: [one!, { ...two!, method: 'tunnel' }, three!] });
  expect(forwards()).toEqual(['masq', 'tunnel', 'masq']);
  plane.close();
});

describe('a server that leaves', () => {
  it('stays at weight 0 while it has connections, and is swept away then', () => {
    const plane = open();
    const service = serviceWith([1, 1]);
    plane.publishService(service);
    load(service, 0, 2);
    plane.publishService({ ...service, servers: service.servers.slice(1) });
    expect(serversIn(service)).toEqual([
      ['1', 0],
      ['2', 1],
    ]);
    expect(plane.counters()[0]!.servers.map(({ leaving, active }) => [leaving, active])).toEqual([
      [false, 0],
      [true, 2],
    ]);
    plane.sweep();
    expect(serversIn(service).length).toBe(2);
    load(service, 0, 0);
    plane.sweep();
    expect(serversIn(service)).toEqual([['2', 1]]);
    plane.close();
  });

  it.each([
    ['a hash would go on counting it in', { scheduler: 'sh' as const }],
    ['templates would lead to it', { persistence: { timeout: 1_000, granularity: 32 } }],
  ])('goes at once where %s', (_, change) => {
    const plane = open();
    const service = { ...serviceWith([1, 1]), ...change };
    plane.publishService(service);
    load(service, 0, 2);
    plane.publishService({ ...service, servers: service.servers.slice(1) });
    expect(serversIn(service)).toEqual([['2', 1]]);
    plane.close();
  });
});

describe('a server whose connections are to end', () => {
  it('is out of the table at once, and back when it is no longer gone', async () => {
    const plane = open();
    const service = serviceWith([1, 0]);
    plane.publishService(service);
    for (const i of [0, 1]) load(service, i, 2);
    plane.publishService({ ...service, on_down: 'reset', gone: [service.servers[1]!] });
    expect(serversIn(service)).toEqual([['1', 1]]);
    expect(plane.counters()[0]!.servers.map(({ weight, active }) => [weight, active])).toEqual([
      [1, 2],
      [0, 0],
    ]);
    expect((await look(plane)).damaged).toEqual(new Map());
    plane.publishService({ ...serviceWith([1]), on_down: 'reset', gone: [service.servers[0]!] });
    expect(serversIn(service)).toEqual([]);
    plane.publishService(service);
    expect(serversIn(service).length).toBe(2);
    plane.close();
  });
});

describe('a service that is removed', () => {
  it('goes, and only if it is ours', async () => {
    const plane = open();
    const [ours, theirs] = [serviceWith([1]), serviceWith([1], { port: 81 })];
    plane.publishService(ours);
    own.table.addService({
      ...own.table.getService(ipvsIdOf(ours)),
      id: { ...theirs, protocol: 'tcp' } as never,
    });
    plane.removeService(serviceKey(theirs));
    plane.removeService(serviceKey(ours));
    plane.removeService(serviceKey(ours));
    expect([...own.table.services.keys()].length).toBe(1);
    expect((await look(plane)).services.size).toBe(0);
    plane.close();
  });

  it('keeps the connections it has, and takes no new ones', async () => {
    const plane = open();
    const service = serviceWith([1, 1]);
    plane.publishService(service);
    load(service, 1, 1);
    plane.removeService(serviceKey(service));
    expect(serversIn(service)).toEqual([['2', 0]]);
    expect((await look(plane)).services.size).toBe(0);
    expect(plane.counters()).toMatchObject([{ leaving: true, servers: [{ leaving: true, active: 1 }] }]);
    load(service, 1, 0);
    plane.sweep();
    expect(own.table.services.size).toBe(0);
    expect(plane.counters()).toEqual([]);
    plane.close();
  });
});

describe('the sorry server', () => {
  it('is a destination while no other can take connections', () => {
    const plane = open();
    const service: VirtualService = {
      ...serviceWith([1]),
      sorry_server: { address: '192.168.1.200' as never, port: 80 },
    };
    plane.publishService(service);
    expect(serversIn(service)).toEqual([['1', 1]]);
    plane.publishService({ ...service, servers: [] });
    expect(own.table.services.get(serviceKey(service))!.servers).toMatchObject([
      { address: '192.168.1.200', weight: 1 },
    ]);
    expect(plane.counters()[0]!.servers).toMatchObject([{ sorry: true, weight: 0 }]);
    plane.publishService(service);
    expect(serversIn(service)).toEqual([['1', 1]]);
    plane.close();
  });
});

describe('looking', () => {
  it('goes on where a change has interrupted it, and shows what it has found so far', async () => {
    const plane = open();
    const services = Array.from({ length: 250 }, (_, i) => serviceWith([1], { port: 1000 + i }));
    for (const service of services) plane.publishService(service);
    expect(plane.observe().damaged).toEqual(new Map());
    own.table.services.clear();
    await plane.inspect!(() => true);
    expect(plane.observe().services.size).toBe(150);
    await plane.inspect!(() => true);
    expect(plane.observe().services.size).toBe(50);
    await plane.inspect!(() => false);
    expect(plane.observe().services.size).toBe(0);
    plane.publishService(services[7]!);
    expect([...plane.observe().services.values()]).toEqual([services[7]]);
    plane.close();
  });
});

describe('drift', () => {
  it('is told in words, and repaired by publishing again', async () => {
    const plane = open();
    const service = serviceWith([1, 1]);
    plane.publishService(service);
    const found = own.table.services.get(serviceKey(service))!;
    found.servers[0] = { ...found.servers[0]!, weight: 7 };
    found.servers.pop();
    found.service = { ...found.service, scheduler: 'wlc' };
    expect((await look(plane)).damaged!.get(serviceKey(service))).toBe(
      'scheduler wlc, flags 0x0, time-out 0 s; no server 192.168.1.102:8080; server 192.168.1.101:8080 by masq at weight 7',
    );
    plane.publishService(service);
    expect((await look(plane)).damaged).toEqual(new Map());
    own.table.services.clear();
    expect((await look(plane)).services.size).toBe(0);
    plane.close();
  });

  it('of the time-outs is told once, and what they were comes back in the end', async () => {
    const plane = open();
    const service = serviceWith([1]);
    const brief = { ...service, timeouts: { ...service.timeouts, established: 60_000 } };
    plane.publishService(brief);
    plane.publishService({ ...brief, port: 81 });
    expect(own.table.timeouts).toEqual({ tcp: 60, tcp_fin: 120, udp: 300 });
    own.table.timeouts = { tcp: 5, tcp_fin: 5, udp: 5 };
    expect([...(await look(plane)).damaged!.values()]).toEqual([
      'time-outs of ip_vs 5 5 5 s (tcp tcpfin udp)',
    ]);
    plane.destroy();
    expect(own.table.timeouts).toEqual({ tcp: 900, tcp_fin: 120, udp: 300 });
    expect(own.table.services.size).toBe(0);
  });
});

it('says what ip_vs cannot do, and who can', () => {
  const plane = open();
  const refused = (change: Partial<VirtualService>) => () =>
    plane.publishService({ ...serviceWith([1]), ...change });
  expect(refused({ ports: [{ first: 80, last: 90 }] })).toThrow(/several ports.*bpf plane/);
  expect(refused({ prefix_length: 24 })).toThrow(/prefix.*bpf plane/);
  expect(refused({ no_server: 'drop' })).toThrow(/answers.*bpf plane/);
  expect(own.table.services.size).toBe(0);
  plane.close();
});
