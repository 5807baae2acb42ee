/** What ip_vs has told of is in the eBPF plane's tables, and what it has kept is known to be its own. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Connection } from '../../src/core/model/connection.ts';
import { serviceKey } from '../../src/core/model/service.ts';
import { listConnections } from '../../src/dataplane/bpf/connections.ts';
import { openHandover } from '../../src/dataplane/bpf/handover.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { Retirement } from '../../src/dataplane/bpf/retirement.ts';
import { jiffies } from '../../src/dataplane/bpf/sweep.ts';
import type { Handover } from '../../src/dataplane/port.ts';
import { CLIENT, SERVERS, serviceWith, VIP } from '../contract/conversation.ts';
import { openProbe, type Probe, SMALL } from './probe.ts';

const DNS = {
  4: serviceWith([1, 1], { protocol: 'udp' }),
  6: serviceWith([1, 1], { protocol: 'udp', family: 6 }),
};
const WEB = serviceWith([1, 1], { persistence: { timeout: 600_000, granularity: 32 } });

let probe: Probe;
let handover: Handover;
beforeAll(() => {
  probe = openProbe(SMALL);
  for (const service of [DNS[4], DNS[6], WEB]) publishService(probe.publisher, service);
  const { tables, publisher } = probe;
  const { registry, hz } = publisher;
  handover = openHandover({
    ...{ tables, registry, hz, retirement: new Retirement([]) },
    list: () =>
      listConnections(
        tables,
        () => ({ now: jiffies(tables), hz, hold: 0 }),
        {},
        (key) => registry.services.get(key)?.id,
      ),
  });
});
afterAll(() => probe?.close());

/** A connection as ip_vs lists it. */
const listed = (
  change: Partial<Connection> & { port?: number; family?: 4 | 6; server_number?: number },
): Connection => {
  const { port = 4000, family = 4, server_number = 1, ...rest } = change;
  return {
    protocol: 'udp',
    state: 'UDP',
    client: { address: CLIENT[family], port },
    virtual: { address: VIP[family], port: 80 },
    server: { address: SERVERS[family][server_number]!, port: 8080 },
    client_port_at_server: port,
    expires_ms: 200_000,
    ...rest,
  };
};
async function* chunk(...connections: Connection[]) {
  yield connections;
}
async function own(): Promise<Connection[]> {
  const all: Connection[] = [];
  for await (const some of handover.own()) all.push(...some);
  return all;
}
const noted = (): number => {
  let count = 0;
  const { elders } = probe.tables;
  for (let key = elders.next(undefined); key !== undefined; key = elders.next(key)) count++;
  return count;
};

it('adopts conversations over UDP and templates, with their servers and what is left of their time', async () => {
  handover.wait();
  const template = listed({ protocol: 'tcp', state: 'TEMPLATE', port: 0, expires_ms: 400_000 });
  const given = [listed({}), listed({ family: 6 }), template];
  expect(await handover.adopt(chunk(...given))).toEqual({
    connections: 2,
    templates: 1,
    left: 0,
    forgotten: 0,
  });
  const found = await own();
  expect(found).toHaveLength(3);
  for (const one of given) {
    const twin = found.find(
      ({ client, state }) => client.address === one.client.address && state === one.state,
    )!;
    expect(twin).toMatchObject({
      protocol: one.protocol,
      virtual: one.virtual,
      server: one.server,
      client: one.client,
    });
    expect(Math.abs(twin.expires_ms - one.expires_ms)).toBeLessThan(30_000);
  }
  const counts = [...probe.publisher.registry.services.get(serviceKey(DNS[4]))!.servers.values()].map(
    ({ id }) => {
      const { active, inactive } = probe.tables.servers.get(id);
      return Number(active) + Number(inactive);
    },
  );
  expect(counts).toEqual([0, 1]);
});

it('takes nothing twice', async () => {
  expect(await handover.adopt(chunk(listed({ server_number: 0 })))).toMatchObject({
    connections: 1,
    left: 0,
  });
  expect(await own()).toHaveLength(3);
  expect(
    (await own()).find(({ state, client }) => state === 'UDP' && client.address === CLIENT[4])?.server
      .address,
  ).toBe(SERVERS[4][1]);
});

it('notes what it has to leave: what is half-open, and conversations with servers that it does not know', async () => {
  const strange = { address: SERVERS[4][2]!, port: 8080 };
  const left = [
    listed({ protocol: 'tcp', state: 'SYN_RECV', port: 5000 }),
    listed({ port: 5001, server: strange }),
    listed({ protocol: 'tcp', state: 'ESTABLISHED', port: 5002 }),
    listed({ protocol: 'tcp', state: 'TEMPLATE', port: 0, server: strange }),
  ];
  expect(await handover.adopt(chunk(...left))).toEqual({
    connections: 0,
    templates: 0,
    left: 3,
    forgotten: 1,
  });
  expect(noted()).toBe(2);
});

it('forgets what was noted once ip_vs does not list it, or is gone, and not while it may have new ones', async () => {
  await handover.adopt(chunk());
  expect(noted()).toBe(2);
  handover.lead();
  await handover.adopt(chunk(listed({ protocol: 'tcp', state: 'SYN_RECV', port: 5000 })));
  expect(noted()).toBe(1);
  handover.alone();
  expect(noted()).toBe(0);
  expect(probe.tables.settings.get(0)).toMatchObject({ elder: 0, no_new_since: 0 });
});

it('takes no new connections once the other plane leads, and keeps since when', () => {
  handover.yield();
  const { no_new_since } = probe.tables.settings.get(0);
  expect(no_new_since).toBeGreaterThan(0);
  handover.yield();
  expect(probe.tables.settings.get(0).no_new_since).toBe(no_new_since);
  handover.wait();
  expect(probe.tables.settings.get(0)).toMatchObject({ elder: 1, no_new_since: 0 });
});
