/** The director answers where a router or an end would, with and without checksums left to the card. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addressFromBytes } from '../../src/core/address/address.ts';
import { read16 } from '../../src/core/packet/bytes.ts';
import { labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { startRealServer } from '../../src/lab/real-servers.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import { checksumsAreRight } from '../contract/frames.ts';
import { compiled } from '../support/compiled.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn, serversOn6 } from './director-lab.ts';

const FAMILIES = [
  { family: 4 as const, vip: labVip.ipv4, host: 'ipv4' as const, url: `http://${labVip.ipv4}` },
  { family: 6 as const, vip: labVip.ipv6, host: 'ipv6' as const, url: `http://[${labVip.ipv6}]` },
];
const EMPTY = 81;
const LOST = 82;
const SMALL_MTU = 1400;
const USUAL_MTU = 1500;
const BODY = 2_000_000;

let director: DirectorLab;
let daemon: LabProcess;
let client: LabHost;
let server: LabHost;

beforeAll(async () => {
  director = await directorLab({ servers: 1 });
  [client, server] = [director.lab.clients[0]!, director.lab.servers[0]!];
  // One that lets its packets be cut: its sockets are made so.
  await director.lab.sysctl(server, { 'net.ipv4.ip_no_pmtu_disc': 1 });
  await startRealServer(director.lab, server, { http: [8080], echo: 8007, udp: 8053 });
  await director.lab.sysctl(server, { 'net.ipv4.ip_no_pmtu_disc': 0 });
  const services = FAMILIES.flatMap(({ family, vip: address }) => {
    const on = family === 4 ? serversOn : serversOn6;
    const [tcp, udp] = [
      { protocol: 'tcp' as const, address },
      { protocol: 'udp' as const, address },
    ];
    const lost = [{ address: family === 4 ? '10.9.9.9' : 'fd09::9', port: 80 }];
    return [
      { ...tcp, port: 80, servers: on([server], 80) },
      { ...tcp, port: EMPTY, servers: [] },
      { ...tcp, port: LOST, servers: lost },
      { ...udp, port: 53, servers: on([server], 5353) },
      { ...udp, port: EMPTY, servers: [] },
      { ...tcp, port: 8080, servers: on([server], 8080) },
      { ...udp, port: 8053, servers: on([server], 8053) },
    ];
  });
  await director.write(draft(services));
  daemon = await director.start();
});
afterAll(async () => {
  expect(director.errors()).toEqual([]);
  await director?.close();
});

/** Runs a script in a host and gives what it prints. */
const script = (host: LabHost, source: string, ...argv: string[]): Promise<string> =>
  director.lab.run(host, [process.execPath, '-e', source, ...argv], { timeout: 10_000 });

/** Milliseconds after which nothing is taken to come any more, where an answer is due and where none may be. */
const DUE = 8_000;
const UNDUE = 400;

/** What comes of connecting by TCP, or of sending a datagram by a connected socket: an error's code, or "open". */
const connect = (vip: string, port: number, patience = DUE): Promise<string> =>
  script(
    client,
    `const socket = require('node:net').connect(${port}, process.argv[1]);
     socket.setTimeout(${patience}, () => { console.log('silence'); socket.destroy(); });
     socket.on('error', (error) => console.log(error.code));
     socket.on('connect', () => { console.log('open'); socket.destroy(); });`,
    vip,
  );
const datagram = (vip: string, port: number, patience = DUE, length = 10): Promise<string> =>
  script(
    client,
    `const socket = require('node:dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
     const end = (text) => { console.log(text); socket.close(); clearTimeout(timer); };
     const timer = setTimeout(() => end('silence'), ${patience});
     socket.on('error', (error) => end(error.code));
     socket.on('message', (message) => end(String(message.length)));
     socket.connect(${port}, process.argv[1], () => socket.send(Buffer.alloc(${length}, 'x')));`,
    vip,
  );

const driver = compiled('answers-driver.ts', import.meta.url);

/** Waits for the ICMP error, with that port in its quote, that a host gets while something happens. */
async function expectError(
  host: LabHost,
  port: number,
  wanted: Readonly<Record<string, unknown>>,
  happen: () => Promise<unknown>,
): Promise<void> {
  const watcher = await director.lab.spawn(host, [process.execPath, driver()], { title: 'answers' });
  await watcher.waitForLine((line) => line === 'ready');
  const seen: QuotingError[] = [];
  const forget = watcher.onLine((line) => {
    if (line.startsWith('{'))
      seen.push(describeError(Buffer.from((JSON.parse(line) as { packet: string }).packet, 'hex')));
  });
  await happen();
  // Others may come in between: of a segment that an earlier test's connection sends once more, say.
  const ports = expect.arrayContaining([port]);
  await expect
    .poll(() => seen, { timeout: 3_000 })
    .toContainEqual(expect.objectContaining({ ...wanted, isRight: true, ports }));
  forget();
  await watcher.stop();
}

type QuotingError = ReturnType<typeof describeError>;

/** An ICMP error in a few words. */
function describeError(packet: Uint8Array) {
  const [header, from, width] = packet[0]! >> 4 === 6 ? [40, 8, 16] : [20, 12, 4];
  const quoted = packet.subarray(header + 8);
  const address = (of: Uint8Array, at: number) => addressFromBytes(of.subarray(at, at + width));
  return {
    isRight: checksumsAreRight(packet),
    type: packet[header],
    code: packet[header + 1],
    from: address(packet, from),
    to: address(packet, from + width),
    sender: address(quoted, from),
    target: address(quoted, from + width),
    ports: [read16(quoted, header), read16(quoted, header + 2)],
    hops: quoted[width === 4 ? 8 : 7],
  };
}

async function setHops(host: LabHost, hops: number): Promise<void> {
  await director.lab.sysctl(host, { 'net.ipv4.ip_default_ttl': hops, 'net.ipv6.conf.eth0.hop_limit': hops });
}

/** Changes something about the director's links and routes, and waits until the daemon has noticed. */
async function change(...commands: string[]): Promise<void> {
  const noticed = nextEvent(daemon, 'routes_changed');
  await director.lab.run(director.lab.director, ['sh', '-ec', commands.join('\n')]);
  await noticed;
}
const setLinkMtu = (mtu: number) => change(`ip link set eth0 mtu ${mtu}`);
/** Forwarded packets heed a route's MTU only where it is locked (ip-route(8)). */
const setRouteMtus = (mtu: string) =>
  change(
    `ip route change 192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1 mtu ${mtu}`,
    `ip route change 203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1 mtu ${mtu}`,
    `ip -6 route change fd00:192:168:1::/64 dev eth1 proto kernel metric 256 mtu ${mtu}`,
    `ip -6 route change 2001:db8:113::/64 dev eth0 proto kernel metric 256 mtu ${mtu}`,
  );

/** Checksums left unfinished all the way; finished by the director's kernel, over what was made of them; never left. */
const OFFLOADS = [
  { ends: 'on', middle: 'on' },
  { ends: 'on', middle: 'off' },
  { ends: 'off', middle: 'off' },
];
describe.each(OFFLOADS)(
  'with tx offload $ends at the ends and $middle at the director',
  ({ ends, middle }) => {
    beforeAll(async () => {
      for (const host of [client, server, director.lab.director])
        for (const { name } of host.interfaces) {
          const offload = host === director.lab.director ? middle : ends;
          await director.lab.run(host, ['ethtool', '-K', name, 'tx', offload]);
        }
    });
    beforeEach(async () => {
      for (const host of [client, server])
        await director.lab.run(host, ['sh', '-c', 'ip route flush cache; ip -6 route flush cache']);
    });

    describe.each(FAMILIES)('IPv$family', ({ family, vip, host }) => {
      const address = (of: LabHost) => of[host];
      const exceeded = family === 4 ? 11 : 3;

      it('a service without servers refuses at once', async () => {
        expect((await connect(vip, EMPTY)).trim()).toBe('ECONNREFUSED');
        expect((await datagram(vip, EMPTY)).trim()).toBe('ECONNREFUSED');
      });

      it('a server that cannot be reached is said to be unreachable', async () => {
        const [type, code] = family === 4 ? [3, 1] : [1, 0];
        const wanted = { type, code, from: vip, to: address(client), target: vip };
        await expectError(client, LOST, wanted, () => connect(vip, LOST, UNDUE));
      });

      it.each([
        ['tcp', 80, connect],
        ['udp', 53, datagram],
      ] as const)('a client whose %s packet may go no further hears it', async (_, port, send) => {
        await setHops(client, 1);
        const wanted = {
          ...{ type: exceeded, code: 0, from: vip, to: address(client) },
          ...{ sender: address(client), target: vip, hops: 1 },
        };
        await expectError(client, port, wanted, () => send(vip, port, UNDUE));
        await setHops(client, 64);
      });

      it.each([
        ['tcp', 80, 80, connect],
        ['udp', 53, 5353, datagram],
      ] as const)('a server whose %s packet may go no further hears it', async (_, port, own, send) => {
        await setHops(server, 1);
        const wanted = {
          ...{ type: exceeded, code: 0, from: vip, to: address(server) },
          ...{ sender: address(server), target: address(client), hops: 1 },
        };
        await expectError(server, own, wanted, () => send(vip, port, UNDUE));
        await setHops(server, 64);
      });
    });

    describe('by a smaller link to the client', () => {
      beforeAll(() => setLinkMtu(SMALL_MTU));
      afterAll(() => setLinkMtu(USUAL_MTU));

      it.each(FAMILIES)('a download over IPv$family completes', async ({ url, host }) => {
        const before = (await director.verdicts())['too_big']!;
        const result = await labClient(director.lab, client).download({ url: `${url}/bytes/${BODY}` });
        expect(result).toMatchObject({ bytes: BODY });
        expect(result.failure).toBeUndefined();
        expect((await director.verdicts())['too_big']).toBeGreaterThan(before);
        const learnt = await director.lab.run(server, ['ip', 'route', 'get', client[host]]);
        expect(learnt).toContain(`mtu ${SMALL_MTU}`);
      });
    });

    describe('by smaller routes', () => {
      beforeAll(() => setRouteMtus(`lock ${SMALL_MTU}`));
      afterAll(() => setRouteMtus('0'));

      it.each(FAMILIES)('an upload and its echo over IPv$family complete', async ({ url, vip, host }) => {
        const before = (await director.verdicts())['too_big']!;
        const result = await labClient(director.lab, client).download({ url: `${url}/echo`, send: BODY });
        expect(result).toMatchObject({ bytes: BODY });
        expect(result.failure).toBeUndefined();
        expect((await director.verdicts())['too_big']).toBeGreaterThan(before);
        for (const [from, to] of [
          [client, vip],
          [server, client[host]],
        ] as const)
          expect(await director.lab.run(from, ['ip', 'route', 'get', to])).toContain(`mtu ${SMALL_MTU}`);
      });

      describe('of packets that may be cut', () => {
        beforeAll(async () => {
          // As strict as an operator may have it.
          await director.lab.sysctl(director.lab.director, { 'net.ipv4.conf.all.rp_filter': 1 });
          await director.lab.sysctl(client, { 'net.ipv4.ip_no_pmtu_disc': 1 });
        });
        afterAll(() => director.lab.sysctl(client, { 'net.ipv4.ip_no_pmtu_disc': 0 }));

        it('a datagram is cut on its way, and its echo too', async () => {
          const before = (await director.verdicts())['fragmented']!;
          // The echo begins with "server1 ".
          expect((await datagram(labVip.ipv4, 8053, DUE, 1440)).trim()).toBe('1448');
          expect((await director.verdicts())['fragmented']).toBe(before + 2);
        });

        it('an upload and its echo complete', async () => {
          const { too_big, fragmented } = await director.verdicts();
          const url = `http://${labVip.ipv4}:8080/echo`;
          const result = await labClient(director.lab, client).download({ url, send: BODY });
          expect(result).toMatchObject({ bytes: BODY });
          expect(result.failure).toBeUndefined();
          const after = await director.verdicts();
          expect(after['too_big']).toBe(too_big);
          expect(after['fragmented']).toBeGreaterThan(fragmented!);
        });
      });
    });
  },
);
