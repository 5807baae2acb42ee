/** A publication cut short before each of its writes: what is found afterwards is the old service or the new one, whole. */
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address/address.ts';
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { serviceKey, type VirtualService } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { MH_PLACES } from '../../src/core/schedule/table.ts';
import { portRunsOf, restoreNetworks } from '../../src/dataplane/bpf/groups.ts';
import { restoreMemberships } from '../../src/dataplane/bpf/memberships.ts';
import { onePacketDamage, onePacketsOf, restoreOnePackets } from '../../src/dataplane/bpf/one-packets.ts';
import { networkKey } from '../../src/dataplane/bpf/port-ranges.ts';
import { type Publisher, publishService, retire, unpublishService } from '../../src/dataplane/bpf/publish.ts';
import { contractKey, readRegistry } from '../../src/dataplane/bpf/registry.ts';
import { RunAllocator } from '../../src/dataplane/bpf/runs.ts';
import {
  layoutDirectory,
  openTables,
  removalOrder,
  type Tables,
  unpinAll,
} from '../../src/dataplane/bpf/tables.ts';
import { type Libbpf, libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';

const LIMITS = {
  ...DEFAULT_LIMITS,
  connections_ipv4: 64,
  connections_ipv6: 64,
  half_open: 16,
  services: 4,
  servers: 16,
};

const service = (port: number, weights: readonly number[]): VirtualService => ({
  protocol: 'tcp',
  address: parseAddress('203.0.113.100')!,
  port,
  scheduler: 'wrr',
  timeouts: DEFAULT_TIMEOUTS,
  servers: weights.map((weight, i) => ({ address: parseAddress(`192.168.1.${101 + i}`)!, port: 80, weight })),
});
const bystander = service(80, [1, 0, 2]);
const before = service(81, [3, 2]);
const larger = service(81, [1, 1, 1, 1, 1]);
const after = service(81, [1, 0, 5, 2]);
/** The same with two ports and a range, on the address that the bystander has. */
const several = (one: VirtualService): VirtualService => ({
  ...one,
  port: 443,
  ports: [
    { first: 443, last: 443 },
    { first: 8000, last: 8100 },
  ],
});

/** The same over UDP, with and without connections. */
const datagrams = (one: VirtualService): VirtualService => ({ ...one, protocol: 'udp' });
const single = (one: VirtualService): VirtualService => ({ ...datagrams(one), one_packet: true });

class Crash extends Error {}

let pinDir: string;
/** Set while a crash is to come: how many writes go well before it. */
let writesLeft: number;
let tables: Tables;

const crashing: Libbpf = {
  ...libbpf(),
  update: (...args) => {
    if (writesLeft-- === 0) throw new Crash();
    libbpf().update(...args);
  },
  // The kernel, too, writes a batch element by element.
  updateBatch: (map, keys, values, count) => {
    const [key, value] = [keys.length / count, values.length / count];
    for (let i = 0; i < count; i++)
      crashing.update(map, keys.slice(i * key, (i + 1) * key), values.slice(i * value, (i + 1) * value));
  },
};
const open = () => {
  tables = openTables(crashing, 'dist/director.bpf.o', pinDir, LIMITS);
};

beforeEach(() => {
  writesLeft = -1;
  pinDir = makePins();
  open();
});
afterEach(() => {
  unpinAll(layoutDirectory(pinDir));
  tables.close();
  removePins(pinDir);
});

/** A daemon's life: reads what is there as a start does, works, and is gone; cut short after `writes` writes. */
function life<T>(work: (publisher: Publisher) => T, writes = -1): T | 'crashed' {
  const registry = readRegistry(tables);
  const runs = (part: 'members' | 'ring') => [...registry.byId.values()].map((entry) => entry[part]);
  let clock = 1e9;
  const publisher: Publisher = {
    tables,
    registry,
    members: new RunAllocator(tables.members.size, runs('members')),
    rings: new RunAllocator(tables.rings.size, runs('ring')),
    ports: new RunAllocator(tables.ports.size, portRunsOf(registry)),
    hz: 250,
    // Every look at the clock is ten seconds after the one before, so nothing has to rest.
    now: () => {
      clock += 10_000;
      return clock;
    },
  };
  writesLeft = writes;
  try {
    return work(publisher);
  } catch (error) {
    if (error instanceof Crash) return 'crashed';
    throw error;
  } finally {
    writesLeft = -1;
  }
}

function published(): Map<string, VirtualService> {
  const services = [...readRegistry(tables).services].filter(([, entry]) => entry.published);
  return new Map(services.map(([key, entry]) => [key, entry.service]));
}

/** Numbers of servers that templates may lead to, and of those in a publication. */
function memberships(): { members: number[]; inPublication: Set<number> } {
  const members = [...tables.memberships.range(0, tables.memberships.size)];
  const inPublication = new Set<number>();
  for (const { servers } of readRegistry(tables).byId.values())
    for (const { id, leftAt } of servers.values()) if (leftAt === undefined) inPublication.add(id);
  return { members: members.flatMap(([id, membership]) => (membership !== 0 ? [id] : [])), inPublication };
}

/** The service of several ports that a packet to this port of their address is led to, as the packet path would look. */
function leads(port: number): VirtualService | undefined {
  const { address } = contractKey(bystander);
  const place = networkKey(bystander, contractKey(bystander));
  const network = tables.networks.get({ ...place, address });
  if (network === undefined) return undefined;
  const ranges = [...tables.ports.range(network.ports, network.ports + network.count)].map(([, one]) => one);
  const range = ranges.find(({ first, last }) => first <= port && port <= last);
  if (range === undefined || tables.groups.get(range.service) === 0) return undefined;
  return readRegistry(tables).byId.get(range.service)?.service;
}

/** Servers' answers that lead to a server, by its number. */
function answers(): number[] {
  const all: number[] = [];
  let key = tables.onePacket.next(undefined);
  for (; key !== undefined; key = tables.onePacket.next(key)) all.push(tables.onePacket.get(key)!);
  return all.sort((a, b) => a - b);
}

/** Publishes until a write is reached that does not exist; checks what each crash leaves. Returns the writes there are. */
function crashEverywhere(
  start: readonly VirtualService[],
  allowed: readonly (VirtualService | undefined)[],
  after: VirtualService,
): number {
  for (let writes = 0; ; writes++) {
    life((publisher) => {
      for (const one of start) publishService(publisher, one);
    });
    const crashed = life((publisher) => publishService(publisher, after), writes) === 'crashed';
    const found = published();
    expect(found.get(serviceKey(bystander)), `bystander, write ${writes}`).toEqual(bystander);
    if (crashed) expect(allowed, `write ${writes}`).toContainEqual(found.get(serviceKey(after)));
    else expect(found.get(serviceKey(after))).toEqual(after);
    const { members, inPublication } = memberships();
    expect([...inPublication], `members after write ${writes}`).toEqual(expect.arrayContaining(members));
    // Until a daemon comes: a port leads to the service as it was, or as it is to be, or to none.
    const leading = leads(8050);
    if (crashed && leading !== undefined) expect(allowed, `write ${writes}`).toContainEqual(leading);
    const registry = readRegistry(tables);
    for (const entry of registry.services.values())
      if (entry.published)
        expect(onePacketDamage({ tables, registry }, entry), `answers after write ${writes}`).toBeUndefined();
    life((publisher) => {
      restoreMemberships(publisher);
      restoreNetworks(publisher);
      restoreOnePackets(publisher);
      const wanted = [...publisher.registry.services.values()].flatMap((entry) =>
        entry.published ? onePacketsOf(entry, entry.service).map(([, id]) => id) : [],
      );
      expect(answers(), `answers restored after write ${writes}`).toEqual(wanted.sort((a, b) => a - b));
      expect(tables.settings.get(0).one_packets).toBe(Math.min(1, wanted.length));
    });
    if (after.ports !== undefined) {
      const restored = published().get(serviceKey(after));
      expect([443, 8000, 8100].map(leads)).toEqual([restored, restored, restored]);
      expect([80, 81, 444, 8101].map(leads)).toEqual([undefined, undefined, undefined, undefined]);
      expect(tables.settings.get(0).networks, `write ${writes}`).toBe(restored === undefined ? 0 : 1);
    }
    expect(new Set(memberships().members)).toEqual(inPublication);
    life((publisher) => {
      publishService(publisher, after);
      expect(memberships().members).toHaveLength(3 + 4);
      for (let pass = 0; pass < 3; pass++) retire(publisher);
    });
    expect(published().get(serviceKey(after))).toEqual(after);
    expect(readRegistry(tables).serverIds.size, `numbers in use after write ${writes}`).toBe(3 + 4);
    life((publisher) => {
      for (const entry of publisher.registry.services.values()) unpublishService(publisher, entry);
      for (let pass = 0; pass < 3; pass++) retire(publisher);
    });
    expect(readRegistry(tables).serverIds.size).toBe(0);
    expect(memberships().members).toEqual([]);
    expect(leads(8050)).toBeUndefined();
    expect(answers()).toEqual([]);
    expect(tables.settings.get(0).one_packets).toBe(0);
    life((publisher) => {
      expect(publisher.ports.free).toBe(tables.ports.size);
      expect(tables.networks.next(undefined)).toBeUndefined();
    });
    if (!crashed) return writes;
  }
}

describe('a crash while publishing', () => {
  it('a new service leaves none or all of it, and no number in use', () => {
    expect(crashEverywhere([bystander], [undefined, after], after)).toBeGreaterThan(10);
  });

  it('a changed service leaves the old one or the new one', () => {
    // Time-outs belong to the service, not to its publication, and are the same on both sides here.
    expect(crashEverywhere([bystander, before], [before, after], after)).toBeGreaterThan(10);
  });

  it('a service of several ports leaves all of its ports where they were, or none of them', () => {
    const [was, is] = [several(before), several(after)];
    expect(crashEverywhere([bystander], [undefined, is], is)).toBeGreaterThan(13);
    expect(crashEverywhere([bystander, was], [was, is], is)).toBeGreaterThan(10);
  });

  it('a removal of one of several ports leaves all of it or none, and another at the same address alone', () => {
    const other: VirtualService = {
      ...several(before),
      port: 8081,
      ports: [
        { first: 8081, last: 8081 },
        { first: 9000, last: 9009 },
      ],
    };
    const gone = several(after);
    for (let writes = 0, crashed = true; crashed; writes++) {
      life((publisher) => {
        publishService(publisher, other);
        publishService(publisher, gone);
      });
      expect([8080, 8081, 8082].map(leads)).toEqual([gone, other, gone]);
      crashed =
        life((publisher) => {
          unpublishService(publisher, publisher.registry.services.get(serviceKey(gone))!);
        }, writes) === 'crashed';
      expect(leads(8081)).toEqual(other);
      life((publisher) => restoreNetworks(publisher));
      const left = published().get(serviceKey(gone));
      expect([443, 8080].map(leads), `write ${writes}`).toEqual([left, left]);
      expect([8081, 9000].map(leads)).toEqual([other, other]);
      if (!crashed) expect(left).toBeUndefined();
    }
  });

  it('a service of single packets has all answers of its servers led, whenever it is there', () => {
    const [was, is] = [single(before), single(after)];
    expect(crashEverywhere([bystander], [undefined, is], is)).toBeGreaterThan(10);
    expect(crashEverywhere([bystander, was], [was, is], is)).toBeGreaterThan(10);
    expect(crashEverywhere([bystander, single(larger)], [single(larger), is], is)).toBeGreaterThan(10);
  });

  it('a service that begins or ceases to keep connections does so at once', () => {
    const [kept, is] = [datagrams(before), single(after)];
    expect(crashEverywhere([bystander, kept], [kept, is], is)).toBeGreaterThan(10);
    const back = datagrams(after);
    expect(crashEverywhere([bystander, single(before)], [single(before), back], back)).toBeGreaterThan(10);
  });

  it('a service that loses a server leaves no client with a server that has left', () => {
    expect(crashEverywhere([bystander, larger], [larger, after], after)).toBeGreaterThan(10);
  });

  it('a service one of whose servers goes leaves nobody gone but that one, and nobody once it is back', () => {
    const up: VirtualService = { ...service(81, [1, 2]), on_down: 'reset' };
    const { address, port } = up.servers[0]!;
    const down: VirtualService = { ...up, servers: up.servers.slice(1), gone: [{ address, port }] };
    const key = serviceKey(up);
    for (let writes = 0, crashed = true; crashed; writes++) {
      for (const [from, to] of [
        [up, down],
        [down, up],
      ] as const) {
        life((publisher) => publishService(publisher, from));
        crashed = life((publisher) => publishService(publisher, to), writes) === 'crashed';
        const { gone, servers } = published().get(key)!;
        expect([undefined, down.gone], `write ${writes}`).toContainEqual(gone);
        expect([up.servers, down.servers], `write ${writes}`).toContainEqual(servers);
        life((publisher) => {
          restoreMemberships(publisher);
          publishService(publisher, to);
        });
        expect(published().get(key)).toEqual(to);
      }
    }
    // Its number is given back, whoever it was for.
    life((publisher) => {
      publishService(publisher, down);
      unpublishService(publisher, publisher.registry.services.get(key)!);
      for (let pass = 0; pass < 3; pass++) retire(publisher);
    });
    expect(memberships().members).toEqual([]);
  });
});

it('flags and last weights are found again after a restart', () => {
  const flagged = (weights: readonly number[]): VirtualService => ({
    ...service(81, weights),
    scheduler: 'mh',
    scheduler_flags: ['mh-fallback', 'mh-port'],
  });
  const placesOf = () => {
    const [entry] = readRegistry(tables).services.values();
    const { start, length } = entry!.ring;
    const order = [...tables.members.range(entry!.members.start, entry!.members.start + 3)].map(
      ([, member]) => member.order,
    );
    const places = [...tables.rings.range(start, start + length)].flatMap(([, turns]) => turns.member);
    return places.slice(0, MH_PLACES).map((place) => order[place]);
  };
  life((publisher) => publishService(publisher, flagged([1, 2, 1])));
  const before = placesOf();
  life((publisher) => publishService(publisher, flagged([0, 2, 1])));
  life((publisher) => publishService(publisher, flagged([0, 2, 0])));
  expect([...published().values()]).toEqual([flagged([0, 2, 0])]);
  expect([...readRegistry(tables).services.values()].map((entry) => entry.lastWeights)).toEqual([[1, 2, 1]]);
  expect(placesOf()).toEqual(before);
});

it('where rings have no room, wrr computes its turns, and a table is refused with the service as it was', () => {
  life((publisher) => publishService(publisher, before));
  life((publisher) => {
    publisher.rings.take(tables.rings.size - 1_000, 0);
    const hashed: VirtualService = { ...before, scheduler: 'mh' };
    const room = publisher.members.free;
    expect(() => publishService(publisher, hashed)).toThrow('no room for another table of the scheduler mh');
    publisher.members.rested();
    expect(publisher.members.free).toBe(room);
    publisher.rings.take(publisher.rings.free, 0);
    publishService(publisher, after);
  });
  expect(published().get(serviceKey(after))).toEqual(after);
  expect([...readRegistry(tables).services.values()].map(({ ring }) => ring.length)).toEqual([0]);
});

it('a removal cut short after any pin is finished by the next start', () => {
  const directory = layoutDirectory(pinDir);
  const pins = removalOrder(readdirSync(directory));
  for (let removed = 0; removed <= pins.length; removed += 3) {
    for (const name of pins.slice(0, removed)) unlinkSync(join(directory, name));
    tables.close();
    open();
    life((publisher) => publishService(publisher, bystander));
    expect(published().get(serviceKey(bystander))).toEqual(bystander);
    // The table is whole again: its stack of free slots has one to give.
    const free = tables.bpf.getPinned(join(directory, 'free4'))!;
    expect(tables.bpf.lookup(free, null, new Uint8Array(4)), `after ${removed} pins`).toBe(true);
    tables.bpf.closeFd(free);
  }
});
