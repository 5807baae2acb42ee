/** One service of several ports or addresses: what it takes, before whom, and what its clients share. */
import { strict as assert } from 'node:assert';
import type { Address } from '../../../src/core/address/address.ts';
import { type ServiceName, serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import type { Case } from '../case.ts';
import {
  connections,
  endsOf,
  forwarded,
  reply,
  request,
  SERVERS,
  serviceWith,
  sweepAll,
  VIP,
} from '../conversation.ts';
import { at } from '../site.ts';
import type { Subject } from '../subject.ts';

const MINUTES = 60_000;
const CLIENT_HOST = { timeout: 5 * MINUTES, granularity: 32 };

type Change = Parameters<typeof serviceWith>[1];
type Parts = Omit<Partial<ServiceName>, 'protocol'>;

const single = (...ports: readonly number[]) => ports.map((port) => ({ first: port, last: port }));

/** A service of one server, at the port that was asked for; which server tells services apart. */
const served = (server: number, parts: Parts, change: Change = {}): VirtualService => {
  const service = serviceWith(
    [0, 1, 2].map((i) => Number(i === server)),
    change,
  );
  const servers = service.servers.map((one) => ({ ...one, port: 0 }));
  const port = parts.ports?.[0]?.first ?? parts.port ?? 80;
  return { ...service, servers, ...parts, port };
};

const PREFIX = { 4: at('203.0.113.96'), 6: at('2001:db8:113::') } as const;

interface Asked {
  readonly server: number;
  readonly port: number;
  readonly got: Uint8Array;
}

let nextPort = 4000;

/** Who answers a new connection to an address and port; undefined when no service takes it. */
function ask(
  subject: Subject,
  port: number,
  {
    address = VIP[4],
    protocol = 'tcp',
    client,
  }: { address?: Address; protocol?: 'tcp' | 'udp'; client?: Address } = {},
): Asked | undefined {
  nextPort = nextPort === 60_000 ? 4000 : nextPort + 1;
  const target = { ...serviceWith([], { protocol }), address, port };
  const sent = request(subject, target, nextPort, undefined, client === undefined ? {} : { client });
  if (sent.action === 'NEXT') return undefined;
  const got = forwarded(sent);
  const { target: server } = endsOf(got);
  const index = [...SERVERS[4], ...SERVERS[6]].indexOf(server.address) % SERVERS[4].length;
  return { server: index, port: server.port, got };
}

const serverAt = (...args: Parameters<typeof ask>): number | undefined => ask(...args)?.server;

/** Three servers in turn, at the port that was asked for. */
const inTurn = (parts: Parts, change: Change = {}): VirtualService => ({
  ...served(0, parts, change),
  servers: served(0, {}, change).servers.map((server) => ({ ...server, weight: 1 })),
});

export const GROUP_CASES: readonly Case[] = [
  {
    name: 'a service of several ports takes those, at the port asked for, and no others',
    run: (subject) => {
      for (const family of [4, 6] as const)
        for (const protocol of ['tcp', 'udp'] as const) {
          const ports = [...single(80, 443), { first: 8000, last: 8100 }];
          subject.plane.publishService(served(1, { ports }, { family, protocol }));
          for (const port of [80, 443, 8000, 8050, 8100]) {
            const asked = ask(subject, port, { address: VIP[family], protocol });
            assert.deepEqual([asked?.server, asked?.port], [1, port], `port ${port}`);
            const back = reply(subject, { ...serviceWith([]), protocol }, asked!.got);
            assert.deepEqual(endsOf(forwarded(back)).source, { address: VIP[family], port });
          }
          for (const port of [79, 81, 442, 444, 7999, 8101, 65535])
            assert.equal(serverAt(subject, port, { address: VIP[family], protocol }), undefined);
        }
      assert.equal(serverAt(subject, 80, { address: at('203.0.113.101') }), undefined);
    },
  },
  {
    name: 'its servers may have a port of their own',
    run: (subject) => {
      const service = served(0, { ports: single(80, 443) });
      const servers = service.servers.map((server) => ({ ...server, port: 8080 }));
      subject.plane.publishService({ ...service, servers });
      for (const port of [80, 443]) assert.equal(ask(subject, port)?.port, 8080);
    },
  },
  {
    name: 'a service of a prefix takes all its addresses, and answers from each',
    run: (subject) => {
      for (const [family, inside, outside] of [
        [4, ['203.0.113.96', '203.0.113.100', '203.0.113.111'], ['203.0.113.95', '203.0.113.112']],
        [6, ['2001:db8:113::', '2001:db8:113::ffff:1'], ['2001:db8:112:ffff::1', '2001:db8:113:1::1']],
      ] as const) {
        const prefix_length = family === 4 ? 28 : 64;
        const service = served(2, { address: PREFIX[family], prefix_length, port: 80 }, { family });
        subject.plane.publishService(service);
        for (const text of inside) {
          const asked = ask(subject, 80, { address: at(text) })!;
          assert.equal(asked.server, 2, text);
          const back = forwarded(reply(subject, service, asked.got));
          assert.deepEqual(endsOf(back).source, { address: at(text), port: 80 });
          assert.equal(serverAt(subject, 81, { address: at(text) }), undefined);
        }
        for (const text of outside)
          assert.equal(serverAt(subject, 80, { address: at(text) }), undefined, text);
      }
    },
  },
  {
    name: 'all its ports and addresses share the scheduler’s turns',
    run: (subject) => {
      const parts = { address: PREFIX[4], prefix_length: 28, ports: single(80, 443) };
      subject.plane.publishService(inTurn(parts));
      const asked = [80, 443, 80, 443, 80, 443].map((port, i) =>
        serverAt(subject, port, { address: at(`203.0.113.${100 + (i % 3)}`) }),
      );
      assert.deepEqual(asked, [0, 1, 2, 0, 1, 2]);
      const [counters] = subject.plane.counters();
      assert.equal(counters!.key, 'tcp 203.0.113.96/28:80,443');
      assert.equal(counters!.conns, 6);
    },
  },
  {
    name: 'a client’s connections to all of them go to one server: the template is the service’s',
    run: async (subject) => {
      const parts = { address: PREFIX[4], prefix_length: 28, ports: single(80, 443) };
      const service = { ...inTurn(parts), persistence: CLIENT_HOST };
      subject.plane.publishService(service);
      for (const [i, client] of ['203.0.113.10', '203.0.113.11'].map(at).entries())
        for (const port of [80, 443])
          for (const last of [100, 101])
            assert.equal(serverAt(subject, port, { client, address: at(`203.0.113.${last}`) }), i);
      const listed = await connections(subject, { service: serviceKey(service) });
      const templates = listed.filter(({ state }) => state === 'TEMPLATE');
      assert.deepEqual(
        templates.map(({ client, virtual, protocol }) => ({ client, virtual, protocol })),
        ['203.0.113.10', '203.0.113.11'].map((client) => ({
          client: { address: client, port: 0 },
          virtual: { address: PREFIX[4], port: 0 },
          protocol: 'tcp',
        })),
      );
      assert.equal(listed.length, 2 + 8);
    },
  },
  {
    name: 'its templates are its own: not those of the service at one of its ports, nor of another prefix',
    run: async (subject) => {
      const persistence = CLIENT_HOST;
      const plane = subject.plane;
      plane.publishService({ ...served(0, { port: 80 }), persistence });
      plane.publishService({ ...served(1, { ports: [{ first: 80, last: 90 }] }), persistence });
      plane.publishService({
        ...served(2, { address: PREFIX[4], prefix_length: 28, port: 91 }),
        persistence,
      });
      plane.publishService({
        ...served(1, { address: PREFIX[4], prefix_length: 27, port: 92 }),
        persistence,
      });
      for (let round = 0; round < 2; round++)
        assert.deepEqual(
          [80, 81, 91, 92].map((port) => serverAt(subject, port)),
          [0, 1, 2, 1],
        );
      const all = await connections(subject);
      assert.equal(all.filter(({ state }) => state === 'TEMPLATE').length, 4);
      sweepAll(subject);
    },
  },
  {
    name: 'its templates expire, hold while a connection lives, and end with their server',
    run: async (subject) => {
      const service = (weights: readonly number[]): VirtualService => ({
        ...serviceWith(weights),
        ports: single(80, 443),
        persistence: CLIENT_HOST,
      });
      subject.plane.publishService(service([1, 1]));
      assert.equal(serverAt(subject, 80), 0);
      subject.elapse(4 * MINUTES);
      sweepAll(subject);
      assert.equal(serverAt(subject, 443), 0);
      subject.elapse(CLIENT_HOST.timeout + 1_000);
      assert.equal(serverAt(subject, 80), 1, 'scheduled anew');
      const others = service([1, 1]).servers.slice(0, 1);
      subject.plane.publishService({ ...service([1]), servers: others });
      assert.equal(serverAt(subject, 443), 0, 'its server has left');
      subject.plane.removeService(serviceKey(service([1])));
      assert.equal(serverAt(subject, 80), undefined);
      sweepAll(subject);
      assert.equal((await connections(subject)).filter(({ state }) => state === 'TEMPLATE').length, 0);
    },
  },
  {
    name: 'who names address and port most closely takes a connection',
    run: (subject) => {
      const { plane } = subject;
      const persistence = CLIENT_HOST;
      const every = { ...served(0, { port: 0 }), persistence };
      const prefix = (length: number, address: string) => ({ address: at(address), prefix_length: length });
      // From the least close to the closest; each takes something from the one before.
      plane.publishService({ ...served(0, { ...prefix(24, '203.0.113.0'), port: 0 }), persistence });
      assert.equal(serverAt(subject, 8050), 0);
      plane.publishService(served(1, { ...prefix(24, '203.0.113.0'), ports: [{ first: 8000, last: 9000 }] }));
      assert.equal(serverAt(subject, 8050), 1);
      plane.publishService(served(2, { ...prefix(24, '203.0.113.0'), ports: single(8050, 8051) }));
      assert.deepEqual(
        [8049, 8050, 8051, 8052].map((port) => serverAt(subject, port)),
        [1, 2, 2, 1],
      );
      plane.publishService(
        served(1, { ...prefix(28, '203.0.113.96'), ports: [{ first: 8050, last: 8060 }] }),
      );
      assert.deepEqual(
        [8050, 8060, 8061].map((port) => serverAt(subject, port)),
        [1, 1, 1],
      );
      plane.publishService(every);
      assert.deepEqual(
        [8050, 22].map((port) => serverAt(subject, port)),
        [0, 0],
      );
      plane.publishService(served(2, { ports: [{ first: 8040, last: 8060 }] }));
      assert.deepEqual(
        [8050, 22].map((port) => serverAt(subject, port)),
        [2, 0],
      );
      plane.publishService(served(1, { port: 8050 }));
      assert.deepEqual(
        [8049, 8050, 8051].map((port) => serverAt(subject, port)),
        [2, 1, 2],
      );
      // What is not this address's goes by the prefixes, as before.
      const address = at('203.0.113.112');
      assert.deepEqual(
        [8049, 8050, 22].map((port) => serverAt(subject, port, { address })),
        [1, 2, 0],
      );
      // And back again, one by one.
      plane.removeService(serviceKey(served(1, { port: 8050 })));
      assert.equal(serverAt(subject, 8050), 2);
      plane.removeService(serviceKey(served(2, { ports: [{ first: 8040, last: 8060 }] })));
      assert.equal(serverAt(subject, 8050), 0);
      plane.removeService(serviceKey(every));
      assert.equal(serverAt(subject, 8050), 1);
      assert.equal(serverAt(subject, 22), 0, 'by the shorter prefix');
    },
  },
  {
    name: 'eight prefixes, one inside the other, are looked through',
    run: (subject) => {
      const parts = (length: number): Parts => ({
        address: at(length < 26 ? '203.0.113.0' : length < 27 ? '203.0.113.64' : '203.0.113.96'),
        prefix_length: length,
        port: 1000 + length,
      });
      const lengths = [24, 25, 26, 27, 28, 29, 30];
      for (const length of lengths)
        subject.plane.publishService(
          served(length % 3, { ...parts(length), ...(length > 28 ? { address: at('203.0.113.100') } : {}) }),
        );
      subject.plane.publishService(
        served(1, { address: at('203.0.113.100'), prefix_length: 31, port: 1031 }),
      );
      for (const length of [...lengths.filter((one) => one !== 31)])
        assert.equal(serverAt(subject, 1000 + length), length % 3, `/${length}`);
      assert.equal(serverAt(subject, 1031), 1);
      assert.equal(serverAt(subject, 1023), undefined);
    },
  },
  {
    name: 'a changed service of several ports keeps its connections, counters and templates',
    run: async (subject) => {
      const ports = single(80, 443);
      const service = { ...inTurn({ ports }), persistence: CLIENT_HOST };
      subject.plane.publishService(service);
      assert.equal(serverAt(subject, 80), 0);
      for (let turn = 1; turn < 4; turn++) {
        const changed: VirtualService = {
          ...service,
          scheduler: 'wlc',
          servers: service.servers.map((server) => ({ ...server, weight: turn })),
        };
        subject.plane.publishService(changed);
        assert.deepEqual(subject.plane.observe().services.get(serviceKey(service)), changed);
        assert.equal(serverAt(subject, 443), 0);
      }
      const [counters] = subject.plane.counters();
      assert.equal(counters!.conns, 4);
      assert.deepEqual(
        counters!.servers.map(({ templates }) => templates),
        [1, 0, 0],
      );
    },
  },
  {
    name: 'one more port is another service, which takes the ports at once and leaves the old connections alone',
    run: (subject) => {
      const { plane } = subject;
      const before = served(0, { ports: single(80, 443) });
      const after = served(1, { ports: single(80, 443, 8443) });
      plane.publishService(before);
      const old = ask(subject, 443)!;
      plane.publishService(after);
      assert.deepEqual(
        [80, 443, 8443].map((port) => serverAt(subject, port)),
        [1, 1, 1],
      );
      plane.removeService(serviceKey(before));
      assert.deepEqual(
        [80, 443, 8443].map((port) => serverAt(subject, port)),
        [1, 1, 1],
      );
      forwarded(reply(subject, before, old.got));
      assert.deepEqual(
        plane.counters().map(({ key, leaving }) => [key, leaving]),
        [
          ['tcp 203.0.113.100:80,443', true],
          ['tcp 203.0.113.100:80,443,8443', false],
        ],
      );
    },
  },
  {
    name: 'a prefix whose services have all gone is nobody’s',
    run: (subject) => {
      const service = served(0, { address: PREFIX[4], prefix_length: 28, port: 80 });
      for (let turn = 0; turn < 3; turn++) {
        subject.plane.publishService(service);
        assert.equal(serverAt(subject, 80), 0);
        subject.plane.removeService(serviceKey(service));
        subject.plane.removeService(serviceKey(service));
        assert.equal(serverAt(subject, 80), undefined);
      }
    },
  },
  {
    name: 'a service of several ports without a server refuses, and one with a sorry server does not',
    run: (subject) => {
      const service: VirtualService = { ...served(-1, { ports: single(80, 443) }) };
      subject.plane.publishService(service);
      assert.equal(request(subject, { ...service, port: 443 }, 3000).action, 'REDIRECT');
      assert.equal(subject.plane.verdicts()['no_server'], 1);
      const sorry_server = { address: SERVERS[4][2]!, port: 0 };
      subject.plane.publishService({ ...service, servers: service.servers.slice(0, 2), sorry_server });
      assert.deepEqual([ask(subject, 443)?.server, ask(subject, 443)?.port], [2, 443]);
    },
  },
];
