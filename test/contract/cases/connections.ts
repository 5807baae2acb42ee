/** Connections: their states, their end, and how they are shown. */
import { strict as assert } from 'node:assert';
import { serviceKey, type VirtualService } from '../../../src/core/model/service.ts';
import { type Case, eventually } from '../case.ts';
import {
  ACK,
  CLIENT,
  connections,
  FIN,
  FIN_ACK,
  forwarded,
  handshake,
  RST,
  reply,
  request,
  SERVERS,
  SYN,
  SYN_ACK,
  serviceWith,
  sweepAll,
  VIP,
} from '../conversation.ts';
import type { Subject } from '../subject.ts';
import { SECURE_TCP_VECTORS, TCP_VECTORS, type TcpVector } from '../tcp-states.ts';

/** Puts connections into each state and sends what each vector says. */
async function followTable(
  subject: Subject,
  service: VirtualService,
  vectors: readonly TcpVector[],
): Promise<void> {
  subject.plane.publishService(service);
  for (const [i, { direction, flags, before, after }] of vectors.entries()) {
    const port = 1024 + i;
    const got = forwarded(request(subject, service, port));
    subject.force(before);
    if (direction === 'in') request(subject, service, port, flags);
    else reply(subject, service, got, flags);
    const [found] = await connections(subject, { client: `${CLIENT[4]}:${port}` });
    const what = `${direction} 0x${flags.toString(16)} in ${before}`;
    assert.equal(found?.state, after, what);
  }
}

export const CONNECTION_CASES: readonly Case[] = [
  {
    name: 'TCP follows the table of states',
    run: (subject) => followTable(subject, serviceWith([1]), TCP_VECTORS),
  },
  {
    name: 'TCP follows the table of secure_tcp where the service says so',
    run: (subject) => followTable(subject, { ...serviceWith([1]), secure_tcp: true }, SECURE_TCP_VECTORS),
  },
  {
    name: 'with secure_tcp a connection is established by the server’s acknowledgement',
    run: async (subject) => {
      const service: VirtualService = { ...serviceWith([1]), secure_tcp: true };
      subject.plane.publishService(service);
      assert.deepEqual([...subject.plane.observe().services.values()], [service]);
      assert.equal(subject.plane.counters()[0]!.secure_tcp, true);
      const states: string[] = [];
      const note = async () => void states.push((await connections(subject))[0]!.state);
      const got = forwarded(request(subject, service, 4000));
      await note();
      forwarded(reply(subject, service, got));
      await note();
      forwarded(request(subject, service, 4000, ACK));
      await note();
      forwarded(reply(subject, service, got, ACK));
      await note();
      assert.deepEqual(states, ['SYN_RECV', 'SYNACK', 'SYNACK', 'ESTABLISHED']);
    },
  },
  {
    name: 'a connection is taken up in the middle with sloppy_tcp only',
    run: async (subject) => {
      const service = serviceWith([1, 1]);
      subject.plane.publishService(service);
      assert.equal(request(subject, service, 4000, ACK).action, 'NEXT');
      assert.equal(subject.plane.verdicts()['no_connection'], 1);
      const sloppy: VirtualService = { ...service, sloppy_tcp: true };
      subject.plane.publishService(sloppy);
      assert.deepEqual([...subject.plane.observe().services.values()], [sloppy]);
      assert.equal(request(subject, sloppy, 4000, RST).action, 'NEXT');
      const got = forwarded(request(subject, sloppy, 4001, ACK));
      forwarded(reply(subject, sloppy, got, ACK));
      forwarded(request(subject, sloppy, 4002, SYN_ACK));
      forwarded(request(subject, sloppy, 4003, FIN_ACK));
      const all = await connections(subject);
      assert.deepEqual(
        all.map(({ client, state }) => [client.port, state]),
        [
          [4001, 'ESTABLISHED'],
          [4002, 'SYN_RECV'],
          [4003, 'CLOSE'],
        ],
      );
      assert.equal(subject.plane.counters()[0]!.servers[0]!.active, 1);
    },
  },
  {
    name: 'in a full table one taken up in the middle that no server has answered makes room',
    limits: { connections_ipv4: 16, half_open: 16 },
    run: async (subject) => {
      const service: VirtualService = { ...serviceWith([1]), sloppy_tcp: true };
      subject.plane.publishService(service);
      for (let port = 4000; port < 4015; port++) handshake(subject, service, port);
      forwarded(request(subject, service, 5000, ACK));
      forwarded(request(subject, service, 5001));
      assert.equal(subject.plane.verdicts()['reclaimed'], 1);
      assert.equal((await connections(subject, { client: `${CLIENT[4]}:5000` })).length, 0);
    },
  },
  {
    name: 'a SYN makes a connection active, its end inactive',
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const load = () => {
        const { active, inactive } = subject.plane.counters()[0]!.servers[0]!;
        return [active, inactive];
      };
      forwarded(request(subject, service, 4000));
      assert.deepEqual(load(), [1, 0]);
      const got = handshake(subject, service, 4001);
      assert.deepEqual(load(), [2, 0]);
      forwarded(request(subject, service, 4001, FIN_ACK));
      assert.deepEqual(load(), [1, 1]);
      forwarded(reply(subject, service, got, FIN_ACK));
      assert.equal((await connections(subject, { client: `${CLIENT[4]}:4001` }))[0]!.state, 'TIME_WAIT');
    },
  },
  {
    name: 'a client that acknowledges what nobody has sent stays half-open',
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      forwarded(request(subject, service, 4000, SYN));
      forwarded(request(subject, service, 4000, ACK));
      assert.equal((await connections(subject))[0]!.state, 'SYN_RECV');
    },
  },
  {
    name: 'a SYN on an ended connection begins a new one, at whichever server has its turn',
    run: async (subject) => {
      const service = serviceWith([1, 1]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      forwarded(reply(subject, service, got, FIN_ACK));
      forwarded(request(subject, service, 4000, FIN_ACK));
      assert.equal((await connections(subject))[0]!.state, 'TIME_WAIT');
      forwarded(request(subject, service, 4000, SYN));
      await eventually(subject, async () => {
        const found = await connections(subject);
        assert.deepEqual(
          found.map(({ state, server }) => [state, server.address]),
          [['SYN_RECV', SERVERS[4][1]]],
        );
      });
      assert.equal(subject.plane.verdicts()['reused'], 1);
    },
  },
  {
    name: 'a SYN with other flags beside it does not end a connection in TIME_WAIT',
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      for (const [i, flags] of [SYN | FIN, SYN | RST, SYN_ACK].entries()) {
        forwarded(request(subject, service, 4000 + i));
        subject.force('TIME_WAIT');
        forwarded(request(subject, service, 4000 + i, flags));
      }
      assert.equal((await connections(subject)).length, 3);
      assert.equal(subject.plane.verdicts()['reused'], 0);
    },
  },
  {
    name: 'idle connections expire, by the sweep or by their next packet',
    run: async (subject) => {
      const service = serviceWith([1]);
      subject.plane.publishService(service);
      const got = handshake(subject, service, 4000);
      forwarded(request(subject, service, 4001));
      subject.elapse(service.timeouts.syn_recv + 1_000);
      assert.equal(sweepAll(subject), 1, 'the half-open one');
      subject.elapse(service.timeouts.established);
      assert.equal(reply(subject, service, got, ACK).action, 'DROP');
      assert.equal(subject.plane.verdicts()['expired'], 1);
      assert.deepEqual(await connections(subject), []);
      assert.equal(sweepAll(subject), 0);
    },
  },
  {
    name: 'connections are listed, with filters',
    run: async (subject) => {
      const service = serviceWith([1, 1]);
      const other = serviceWith([1], { family: 6, protocol: 'udp' });
      for (const one of [service, other]) subject.plane.publishService(one);
      handshake(subject, service, 4000);
      forwarded(request(subject, service, 4001));
      forwarded(request(subject, other, 4002));
      const [first] = await connections(subject, { client: `${CLIENT[4]}:4000` });
      const { expires_ms, ...rest } = first!;
      assert.deepEqual(rest, {
        protocol: 'tcp',
        state: 'ESTABLISHED',
        client: { address: CLIENT[4], port: 4000 },
        virtual: { address: VIP[4], port: 80 },
        server: { address: SERVERS[4][0], port: 8080 },
        client_port_at_server: 4000,
      });
      assert.ok(expires_ms > 840_000 && expires_ms <= 900_010, `${expires_ms} ms are left`);
      const ports = async (filter: Parameters<typeof connections>[1]) =>
        (await connections(subject, filter)).map(({ client }) => client.port).sort();
      assert.deepEqual(await ports({}), [4000, 4001, 4002]);
      assert.deepEqual(await ports({ service: serviceKey(other) }), [4002]);
      assert.deepEqual(await ports({ server: `${SERVERS[4][1]}:8080` }), [4001]);
      assert.deepEqual(await ports({ client: `[${CLIENT[6]}]:4002` }), [4002]);
      assert.deepEqual(await ports({ client: `${CLIENT[4]}:4002` }), []);
      assert.deepEqual(await ports({ client: CLIENT[6], server: SERVERS[4][0]! }), []);
      assert.deepEqual(await ports({ client: CLIENT[4], server: SERVERS[4][0]! }), [4000]);
    },
  },
  {
    name: 'two services of one server: a client port that is taken is changed towards the server',
    run: async (subject) => {
      const services = [serviceWith([1]), serviceWith([1], { port: 81 })] as const;
      for (const one of services) subject.plane.publishService(one);
      const first = forwarded(request(subject, services[0], 4000));
      const second = forwarded(request(subject, services[1], 4000));
      const listed = await connections(subject, { service: serviceKey(services[1]) });
      assert.notEqual(listed[0]!.client_port_at_server, 4000);
      assert.equal(subject.plane.verdicts()['port_changed'], 1);
      for (const [i, got] of [first, second].entries()) {
        const back = forwarded(reply(subject, services[i]!, got));
        assert.deepEqual([back[20]! * 256 + back[21]!, back[22]! * 256 + back[23]!], [80 + i, 4000]);
      }
    },
  },
];
