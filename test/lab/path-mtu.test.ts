/** Narrow links behind routers, on the client's side and on the servers': the far end learns of them through the director. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { labClient } from '../../src/lab/client-api.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft } from './director-lab.ts';

const FAMILIES = [4, 6] as const;
type Addresses = Readonly<Record<(typeof FAMILIES)[number], string>>;

const VIP: Addresses = { 4: labVip.ipv4, 6: labVip.ipv6 };
const BODY = 1_000_000;

/** A network behind a host that is made its router: both ends' addresses, and the MTU of the only link in it. */
interface Leg {
  readonly mtu: number;
  readonly router: Addresses;
  readonly end: Addresses;
}
const CLIENT_LEG: Leg = {
  mtu: 1380,
  router: { 4: '198.51.100.1', 6: '2001:db8:51::1' },
  end: { 4: '198.51.100.2', 6: '2001:db8:51::2' },
};
const SERVER_LEG: Leg = {
  mtu: 1340,
  router: { 4: '192.168.2.1', 6: 'fd00:192:168:2::1' },
  end: { 4: '192.168.2.2', 6: 'fd00:192:168:2::2' },
};
/** Services of the server on the director's own network, and of the one on the narrow leg. */
const NEAR = 8001;
const FAR = 8002;

let director: DirectorLab;

const ip = (host: LabHost, lines: readonly string[]) =>
  director.lab.run(host, ['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });

/** Moves `end` to a network of its own behind `router`, and tells the director the way. */
async function putBehind(router: LabHost, end: LabHost, leg: Leg): Promise<void> {
  const { lab } = director;
  await ip(router, [`link add name narrow type veth peer name narrow netns ${end.netns}`]);
  await lab.sysctl(router, { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  for (const [host, own] of [
    [router, leg.router],
    [end, leg.end],
  ] as const)
    await ip(host, [
      `link set narrow mtu ${leg.mtu} up`,
      `addr add ${own[4]}/24 dev narrow`,
      `addr add ${own[6]}/64 dev narrow nodad`,
    ]);
  // It announces the segments of an ordinary link, as ends do whose link is: the narrow one would lie further on.
  await ip(end, [
    'link set eth0 down',
    `route replace default via ${leg.router[4]} advmss 1460`,
    `route replace default via ${leg.router[6]} advmss 1440`,
  ]);
  await ip(lab.director, [
    `route add ${leg.end[4]} via ${router.ipv4}`,
    `route add ${leg.end[6]} via ${router.ipv6}`,
  ]);
}

beforeAll(async () => {
  director = await directorLab({ clients: 2, servers: 2 });
  const { clients, servers } = director.lab;
  await putBehind(clients[0]!, clients[1]!, CLIENT_LEG);
  await putBehind(servers[0]!, servers[1]!, SERVER_LEG);
  const near: Addresses = { 4: servers[0]!.ipv4, 6: servers[0]!.ipv6 };
  const services = FAMILIES.flatMap((family) =>
    [
      { port: NEAR, server: near[family] },
      { port: FAR, server: SERVER_LEG.end[family] },
    ].map(({ port, server }) => ({
      protocol: 'tcp' as const,
      address: VIP[family],
      port,
      servers: [{ address: server, port: 80 }],
    })),
  );
  await director.write(draft(services));
  await director.start();
});
afterAll(async () => {
  expect(director?.errors()).toEqual([]);
  await director?.close();
});

/** ICMP errors that have been handed on so far. */
const translated = async () => (await director.verdicts())['icmp_translated']!;

describe.each(['redirect', 'stack'])('by %s', (forwarding) => {
  beforeAll(async () => {
    const { lab, weir } = director;
    const config = JSON.parse(await lab.run(lab.director, ['cat', weir.configFile])) as object;
    await director.reload({ ...config, director: { public: 'eth0', private: 'eth1', forwarding } });
    for (const host of [...lab.clients, ...lab.servers])
      await lab.run(host, ['sh', '-c', 'ip route flush cache; ip -6 route flush cache']);
  });

  describe.each(FAMILIES)('IPv%i', (family) => {
    const url = (port: number) => `http://${family === 6 ? `[${VIP[6]}]` : VIP[4]}:${port}`;

    /** What `host` has learnt about the way to `target`. */
    const learnt = (host: LabHost, target: string) => director.lab.run(host, ['ip', 'route', 'get', target]);

    it('a server learns of a narrow link beyond the client’s router, and the download completes', async () => {
      const [server, client] = [director.lab.servers[0]!, director.lab.clients[1]!];
      const before = await translated();
      const download = () => labClient(director.lab, client).download({ url: `${url(NEAR)}/bytes/${BODY}` });
      expect(await learnt(server, CLIENT_LEG.end[family])).not.toContain('mtu');
      expect(await download()).toMatchObject({ bytes: BODY, sha256: sha256OfPattern(BODY) });
      expect(await learnt(server, CLIENT_LEG.end[family])).toContain(`mtu ${CLIENT_LEG.mtu}`);
      const after = await translated();
      expect(after).toBeGreaterThan(before);
      // What it sends from now on fits: nobody complains any more.
      expect(await download()).toMatchObject({ bytes: BODY, sha256: sha256OfPattern(BODY) });
      expect(await translated()).toBe(after);
    });

    it('a client learns of a narrow link beyond the servers’ router, and the upload completes', async () => {
      const client = director.lab.clients[0]!;
      const before = await translated();
      const upload = () => labClient(director.lab, client).download({ url: `${url(FAR)}/echo`, send: BODY });
      expect(await learnt(client, VIP[family])).not.toContain('mtu');
      expect(await upload()).toMatchObject({ bytes: BODY, sha256: sha256OfPattern(BODY) });
      expect(await learnt(client, VIP[family])).toContain(`mtu ${SERVER_LEG.mtu}`);
      const after = await translated();
      expect(after).toBeGreaterThan(before);
      expect(await upload()).toMatchObject({ bytes: BODY, sha256: sha256OfPattern(BODY) });
      expect(await translated()).toBe(after);
    });
  });
});
