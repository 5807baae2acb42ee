/** Persistence: a client's connections go to one server, for how long, and what ends it. */
import { strict as assert } from 'node:assert';
import type { Address } from '../../../src/core/address/address.ts';
import type { Persistence } from '../../../src/core/model/persistence.ts';
import { serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import { type Case, eventually } from '../case.ts';
import {
  ACK,
  CLIENT,
  connections,
  endsOf,
  forwarded,
  handshake,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
  VIP,
} from '../conversation.ts';
import { icmpPacket } from '../frames.ts';
import { at } from '../site.ts';
import type { Subject } from '../subject.ts';

const MINUTES = 60_000;
const HOST: Persistence = { timeout: 5 * MINUTES, granularity: 32 };

const persistent = (
  weights: readonly number[],
  persistence: Persistence = HOST,
  change: Parameters<typeof serviceWith>[1] = {},
): VirtualService => ({ ...serviceWith(weights, change), persistence });

/** The same service at every port. */
const everyPort = (service: VirtualService): VirtualService => ({
  ...service,
  port: 0,
  servers: service.servers.map((server) => ({ ...server, port: 0 })),
});

/** Which server a client's new connection goes to, as an index. */
function serverOf(subject: Subject, service: VirtualService, port: number, client?: Address): number {
  const got = forwarded(request(subject, service, port, undefined, client === undefined ? {} : { client }));
  const { address } = endsOf(got).target;
  return [...SERVERS[4], ...SERVERS[6]].indexOf(address) % SERVERS[4].length;
}

/** The states that are listed, those of templates counted apart. */
async function listed(subject: Subject): Promise<{ templates: number; connections: number }> {
  const all = await connections(subject);
  const templates = all.filter(({ state }) => state === 'TEMPLATE').length;
  return { templates, connections: all.length - templates };
}

const templatesOf = (subject: Subject): number[] =>
  subject.plane.counters()[0]!.servers.map(({ templates }) => templates);

export const PERSISTENCE_CASES: readonly Case[] = [
  {
    name: 'a client of a persistent service stays with its server, others take their turns',
    run: async (subject) => {
      const service = persistent([1, 1, 1]);
      subject.plane.publishService(service);
      for (const port of [4000, 4001, 4002]) assert.equal(serverOf(subject, service, port), 0);
      assert.equal(serverOf(subject, service, 4000, at('203.0.113.11')), 1);
      assert.equal(serverOf(subject, service, 4000, at('203.0.113.12')), 2);
      assert.equal(serverOf(subject, service, 4003), 0);
      assert.deepEqual(templatesOf(subject), [1, 1, 1]);
      assert.deepEqual(await listed(subject), { templates: 3, connections: 6 });
    },
  },
  {
    name: 'clients of one IPv4 network share a template when grouped by its mask',
    run: async (subject) => {
      const service = persistent([1, 1], { ...HOST, granularity: 28 });
      subject.plane.publishService(service);
      for (const last of [16, 17, 31])
        assert.equal(serverOf(subject, service, 4000, at(`203.0.113.${last}`)), 0);
      assert.equal(serverOf(subject, service, 4000, at('203.0.113.32')), 1);
      const [first] = await connections(subject, { client: '203.0.113.16:0' });
      assert.equal(first!.state, 'TEMPLATE');
    },
  },
  {
    name: 'clients of one IPv6 prefix share a template',
    run: async (subject) => {
      const service = persistent([1, 1], { ...HOST, granularity: 124 }, { family: 6 });
      subject.plane.publishService(service);
      for (const last of ['10', '11', '1f'])
        assert.equal(serverOf(subject, service, 4000, at(`2001:db8:113::${last}`)), 0);
      assert.equal(serverOf(subject, service, 4000, at('2001:db8:113::20')), 1);
      const [first] = await connections(subject, { client: '[2001:db8:113::10]:0' });
      assert.equal(first!.state, 'TEMPLATE');
    },
  },
  {
    name: 'a template is listed as what it is',
    run: async (subject) => {
      const service = persistent([1], { ...HOST, granularity: 24 }, { protocol: 'udp' });
      subject.plane.publishService(service);
      serverOf(subject, service, 4000);
      const [template] = await connections(subject, { client: '203.0.113.0' });
      const { expires_ms, ...rest } = template!;
      assert.deepEqual(rest, {
        protocol: 'udp',
        state: 'TEMPLATE',
        client: { address: '203.0.113.0', port: 0 },
        virtual: { address: VIP[4], port: 80 },
        server: { address: SERVERS[4][0], port: 8080 },
        client_port_at_server: 0,
      });
      assert.ok(expires_ms > 4 * MINUTES && expires_ms <= HOST.timeout + 10, `${expires_ms} ms are left`);
      assert.equal((await connections(subject, { service: serviceKey(service) })).length, 2);
    },
  },
  {
    name: 'a template expires after its time-out, counted from its latest use',
    run: async (subject) => {
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4000), 0);
      subject.elapse(4 * MINUTES);
      assert.equal(serverOf(subject, service, 4001), 0);
      subject.elapse(4 * MINUTES);
      assert.equal(serverOf(subject, service, 4002), 0);
      subject.elapse(HOST.timeout + 1_000);
      assert.equal(serverOf(subject, service, 4003), 1, 'scheduled anew');
      assert.equal(subject.plane.verdicts()['expired'], 1);
      subject.elapse(HOST.timeout + 1_000);
      sweepAll(subject);
      assert.deepEqual(await listed(subject), { templates: 0, connections: 0 });
      assert.deepEqual(templatesOf(subject), [0, 0]);
    },
  },
  {
    name: 'a time-out of 31 days is kept to',
    run: async (subject) => {
      const days = 24 * 60 * MINUTES;
      const service = persistent([1, 1], { ...HOST, timeout: 31 * days });
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4000), 0);
      subject.elapse(30 * days);
      sweepAll(subject);
      const [template] = await connections(subject);
      assert.ok(Math.abs(template!.expires_ms - days) < MINUTES, `${template!.expires_ms} ms are left`);
      assert.equal(serverOf(subject, service, 4001), 0);
      subject.elapse(31 * days + 1_000);
      assert.equal(serverOf(subject, service, 4002), 1);
    },
  },
  {
    name: 'a template stays as long as it controls a connection, and a minute more',
    run: async (subject) => {
      const service = persistent([1, 1], { ...HOST, timeout: 2_000 });
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      for (let i = 0; i < 10; i++) {
        subject.elapse(50_000);
        // Twice: a walk may meet the template before the connection that holds it.
        sweepAll(subject);
        sweepAll(subject);
      }
      assert.equal(serverOf(subject, service, 4001), 0);
      subject.elapse(service.timeouts.established + 1_000);
      sweepAll(subject);
      sweepAll(subject);
      assert.deepEqual(await listed(subject), { templates: 0, connections: 0 });
    },
  },
  {
    name: 'a client is scheduled anew when its server has left the service',
    run: async (subject) => {
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      const without = { ...service, servers: service.servers.slice(1) };
      subject.plane.publishService(without);
      assert.equal(serverOf(subject, service, 4001), 1);
      assert.equal(serverOf(subject, service, 4002), 1);
      forwarded(reply(subject, service, got, ACK));
      forwarded(request(subject, service, 4000, ACK));
      // A server that comes back gets no clients of old.
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4003), 1);
      assert.equal((await listed(subject)).templates, 1);
    },
  },
  {
    name: 'templates to a server that has left are swept away',
    run: async (subject) => {
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      serverOf(subject, service, 4000);
      subject.plane.publishService({ ...service, servers: service.servers.slice(1) });
      sweepAll(subject);
      await eventually(subject, async () => assert.equal((await listed(subject)).templates, 0));
      serverOf(subject, service, 4001, at('203.0.113.11'));
      subject.plane.removeService(serviceKey(service));
      sweepAll(subject);
      await eventually(subject, async () => assert.equal((await listed(subject)).templates, 0));
      subject.plane.publishService(service);
      assert.deepEqual(templatesOf(subject), [0, 0]);
    },
  },
  {
    name: 'a plane taken over from keeps connections, and no templates',
    run: async (subject) => {
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      handshake(subject, service, 4000);
      subject.takeOver();
      sweepAll(subject);
      assert.deepEqual(await listed(subject), { templates: 0, connections: 1 });
    },
  },
  {
    name: 'a server of weight 0 keeps its clients and gets no new ones',
    run: (subject) => {
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4000), 0);
      subject.plane.publishService(persistent([0, 1]));
      assert.equal(serverOf(subject, service, 4001), 0);
      for (const client of ['203.0.113.11', '203.0.113.12'])
        assert.equal(serverOf(subject, service, 4000, at(client)), 1);
      subject.plane.publishService(persistent([0, 0]));
      assert.equal(serverOf(subject, service, 4002), 0);
      assert.notEqual(
        request(subject, service, 4000, undefined, { client: at('203.0.113.13') }).action,
        'NEXT',
      );
      assert.equal(subject.plane.verdicts()['no_server'], 1);
    },
  },
  {
    name: 'a server of weight 0 loses its clients where quiescent templates expire',
    run: async (subject) => {
      const quiescent: Persistence = { ...HOST, expire_quiescent_template: true };
      const service = persistent([1, 1], quiescent);
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      const got = handshake(subject, service, 4000);
      assert.equal(serverOf(subject, service, 4001), 0);
      subject.plane.publishService(persistent([0, 1], quiescent));
      assert.equal(serverOf(subject, service, 4002), 1);
      await eventually(subject, () => assert.deepEqual(templatesOf(subject), [0, 1]));
      forwarded(reply(subject, service, got, ACK));
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 4003), 1);
      subject.plane.publishService(persistent([1, 0], quiescent));
      assert.equal(serverOf(subject, service, 4004), 0);
      subject.plane.publishService(persistent([0, 0], quiescent));
      assert.notEqual(request(subject, service, 4005).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['no_server'], 1);
    },
  },
  {
    name: 'two persistent services do not share templates',
    run: async (subject) => {
      const [web, other] = [persistent([1, 1]), persistent([1, 1], HOST, { port: 81 })];
      for (const one of [web, other]) subject.plane.publishService(one);
      serverOf(subject, web, 4000, at('203.0.113.11'));
      assert.equal(serverOf(subject, web, 4000), 1);
      assert.equal(serverOf(subject, other, 4000), 0);
      assert.equal(serverOf(subject, web, 4001), 1);
      assert.equal(serverOf(subject, other, 4001), 0);
      assert.equal((await connections(subject, { service: serviceKey(other) })).length, 3);
    },
  },
  {
    name: 'a service of port 0 takes every port that no other service has, and keeps them together',
    run: async (subject) => {
      const service = everyPort(persistent([1, 1]));
      const own = serviceWith([0, 0, 1], { port: 443 });
      subject.plane.publishService(service);
      subject.plane.publishService(own);
      assert.deepEqual([...subject.plane.observe().services.values()], [service, own]);
      for (const port of [80, 8443, 65535]) {
        const got = forwarded(request(subject, { ...service, port }, 4000));
        assert.deepEqual(endsOf(got).target, { address: SERVERS[4][0], port });
        const back = endsOf(forwarded(reply(subject, service, got)));
        assert.deepEqual(back.source, { address: VIP[4], port });
      }
      assert.equal(serverOf(subject, own, 4000), 2);
      assert.equal(serverOf(subject, { ...service, port: 80 }, 4000, at('203.0.113.11')), 1);
      // What another protocol has at such a port is none of the service's.
      assert.equal(request(subject, { ...service, port: 80, protocol: 'udp' }, 4000).action, 'NEXT');
      const found = await connections(subject, { service: serviceKey(service) });
      assert.equal(found.filter(({ state }) => state === 'TEMPLATE').length, 2);
      assert.equal(found.length, 6);
    },
  },
  {
    name: 'a packet with source port 0 is a connection, not a template',
    run: async (subject) => {
      const service = persistent([1, 1], HOST, { protocol: 'udp' });
      subject.plane.publishService(service);
      assert.equal(serverOf(subject, service, 0), 0);
      assert.equal(serverOf(subject, service, 0), 0);
      assert.deepEqual(await listed(subject), { templates: 1, connections: 1 });
      const states = (await connections(subject, { client: `${CLIENT[4]}:0` })).map(({ state }) => state);
      assert.deepEqual(states.sort(), ['TEMPLATE', 'UDP']);
    },
  },
  {
    name: 'an error that quotes what only a template has is left to the stack',
    run: (subject) => {
      for (const family of [4, 6] as const) {
        const service = persistent(
          [1],
          { ...HOST, granularity: family === 4 ? 32 : 128 },
          { family, protocol: 'udp' },
        );
        subject.plane.publishService(service);
        const back = forwarded(reply(subject, service, forwarded(request(subject, service, 4000))));
        const [protocol, port] = family === 4 ? [9, 22] : [6, 42];
        const error = () =>
          icmpPacket({ source: CLIENT[family], target: VIP[family] }, family === 4 ? 3 : 1, 3, back);
        assert.equal(subject.send('public', error()).action, 'REDIRECT', 'about the connection');
        back[protocol]! |= 0x80;
        back.fill(0, port, port + 2);
        assert.equal(subject.send('public', error()).action, 'NEXT');
      }
    },
  },
  {
    name: 'persistence that is turned on, changed and off holds from the next connection on',
    run: async (subject) => {
      const plain = serviceWith([1, 1]);
      subject.plane.publishService(plain);
      assert.deepEqual(
        [4000, 4001].map((port) => serverOf(subject, plain, port)),
        [0, 1],
      );
      const service = persistent([1, 1]);
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      assert.deepEqual(subject.plane.counters()[0]!.persistence, HOST);
      assert.deepEqual(
        [5000, 5001].map((port) => serverOf(subject, service, port)),
        [0, 0],
      );
      subject.plane.publishService(plain);
      assert.equal(subject.plane.counters()[0]!.persistence, undefined);
      assert.deepEqual(
        [6000, 6001].map((port) => serverOf(subject, plain, port)),
        [1, 0],
      );
    },
  },
  {
    name: 'without room for a template a connection is refused',
    limits: { connections_ipv4: 16, half_open: 16 },
    run: async (subject) => {
      const plain = serviceWith([1]);
      const service = persistent([1], HOST, { port: 81 });
      for (const one of [plain, service]) subject.plane.publishService(one);
      for (let i = 0; i < 16; i++) handshake(subject, plain, 4000 + i);
      assert.equal(request(subject, service, 5000).action, 'DROP');
      assert.equal(subject.plane.verdicts()['table_full'], 1);
      assert.deepEqual(await listed(subject), { templates: 0, connections: 16 });
    },
  },
  {
    name: 'in a full table a template goes whose client nobody has answered, and no other',
    limits: { connections_ipv4: 16, half_open: 16 },
    run: async (subject) => {
      const plain = serviceWith([1]);
      const service = persistent([1], HOST, { port: 81 });
      for (const one of [plain, service]) subject.plane.publishService(one);
      handshake(subject, service, 4000);
      sweepAll(subject);
      request(subject, service, 4000, undefined, { client: at('203.0.113.11') });
      for (let i = 0; i < 12; i++) handshake(subject, plain, 4000 + i);
      handshake(subject, plain, 5000);
      const templates = (await connections(subject)).filter(({ state }) => state === 'TEMPLATE');
      assert.deepEqual(
        templates.map(({ client }) => client.address),
        [CLIENT[4]],
      );
      assert.equal(subject.plane.verdicts()['reclaimed'], 1);
    },
  },
];
