/** Services that keep no connections, with real clients: each datagram in turn, answers from the VIP, nothing left behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, serversOn, serversOn6 } from './director-lab.ts';

const FAMILIES = [
  { family: 'IPv4', vip: labVip.ipv4, key: `udp ${labVip.ipv4}:53`, port: 53 },
  { family: 'IPv6', vip: labVip.ipv6, key: `udp [${labVip.ipv6}]:53`, port: 53 },
] as const;

let director: DirectorLab;
let client: LabClient;
let daemon: LabProcess;

/** A service of each family, and beside them one that keeps its connections with the same servers. */
const config = (one_packet: boolean, forwarding = 'redirect') => {
  const { servers } = director.lab;
  const service = { protocol: 'udp' as const, port: 53, scheduler: 'rr', one_packet };
  return draft(
    [
      { ...service, address: labVip.ipv4, servers: serversOn(servers, 5353) },
      { ...service, address: labVip.ipv6, servers: serversOn6(servers, 5353) },
      {
        protocol: 'udp',
        port: 54,
        scheduler: 'rr',
        address: labVip.ipv4,
        servers: serversOn(servers, 5353),
      },
    ],
    { director: { public: 'eth0', private: 'eth1', forwarding } },
  );
};

beforeAll(async () => {
  director = await directorLab();
  client = labClient(director.lab, director.lab.clients[0]!);
  await director.write(config(true));
  daemon = await director.start();
});
afterAll(() => director?.close());

const EVENLY = { server1: 10, server2: 10, server3: 10 };

/** One socket's datagrams: the kernel gives it only what comes from the VIP. */
async function expectEvenly(vip: string): Promise<void> {
  const result = await client.udp({ address: vip, port: 53, count: 30 });
  expect(result).toMatchObject({ answered: 30, lost: 0, wrong: [], byServer: EVENLY });
}

describe.each(FAMILIES)('$family', ({ vip, key }) => {
  it("spreads one socket's datagrams over all servers, and answers come from the VIP", async () => {
    await expectEvenly(vip);
    const { conns, inpkts, outpkts, one_packet, servers } = await director.service(key);
    expect({ conns, inpkts, outpkts, one_packet }).toEqual({
      conns: 30,
      inpkts: 30,
      outpkts: 30,
      one_packet: true,
    });
    expect(servers.map(({ active, inactive }) => active + inactive)).toEqual([0, 0, 0]);
    expect(await director.connections()).toEqual([]);
  });

  it('sends datagrams of 8 KB whole, in fragments both ways', async () => {
    const result = await client.udp({ address: vip, port: 53, count: 12, size: 8_000 });
    expect(result).toMatchObject({ answered: 12, lost: 0, wrong: [] });
    expect(result.byServer).toEqual({ server1: 4, server2: 4, server3: 4 });
    expect(await director.connections()).toEqual([]);
  });
});

it('a service beside it that has the same servers keeps its connections', async () => {
  const result = await client.udp({ address: labVip.ipv4, port: 54, count: 9 });
  expect(result).toMatchObject({ answered: 9, wrong: [] });
  expect(Object.keys(result.byServer)).toHaveLength(1);
  const [connection, ...others] = await director.connections();
  expect(connection?.virtual.port).toBe(54);
  expect(others).toEqual([]);
});

it('weir services says ops, and weir diff what a change would do', async () => {
  expect(await director.weir.run(['services'])).toContain(`udp ${labVip.ipv4}:53  rr ops`);
  await director.write(config(false));
  const { stdout } = await director.weir.exec(['diff']);
  expect(stdout).toContain(`~ service udp ${labVip.ipv4}:53  one_packet  on → off`);
  await director.write(config(true));
});

it('goes on without a daemon, and with a new one', async () => {
  daemon.signal('SIGKILL');
  await daemon.ended;
  for (const { vip } of FAMILIES) await expectEvenly(vip);
  daemon = await director.start();
  for (const { vip } of FAMILIES) await expectEvenly(vip);
});

it('goes by the stack where that is asked for', async () => {
  await director.reload(config(true, 'stack'));
  for (const { vip } of FAMILIES) await expectEvenly(vip);
  await director.reload(config(true));
  for (const { vip } of FAMILIES) await expectEvenly(vip);
});

it('keeps connections once it is told to', async () => {
  await director.reload(config(false));
  const result = await client.udp({ address: labVip.ipv4, port: 53, count: 9 });
  expect(result).toMatchObject({ answered: 9, wrong: [] });
  expect(Object.keys(result.byServer)).toHaveLength(1);
  await director.drain();
  expect(director.errors()).toEqual([]);
});
