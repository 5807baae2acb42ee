/** The edges of what is ours: interfaces that cannot be used, packets that are others', the servers' own traffic. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internetChecksum, synPacket } from '../../src/lab/client/syn-packet.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { startRealServer } from '../../src/lab/real-servers.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import {
  type DirectorLab,
  type Draft,
  directorLab,
  draft,
  fetchJson,
  serversOn,
  type Who,
} from './director-lab.ts';
import { attachForeignFilter, attachForeignTcx, compileForeign } from './foreign.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const key = `tcp ${vip}:80`;

describe('interfaces', () => {
  let director: DirectorLab;

  beforeAll(async () => {
    director = await directorLab({ servers: 1 });
    await director.lab.run(director.lab.director, ['ip', 'tuntap', 'add', 'mode', 'tun', 'name', 'tun0']);
  });
  afterAll(() => director?.close());

  /** Starts the daemon with this director and expects it to give up; what it says on standard error. */
  const failToStart = async (interfaces: Draft): Promise<string> => {
    await director.write(draft([], { director: interfaces, vips: [] }));
    const result = await director.weir.exec(['run']);
    expect(result.code, result.stderr).toBe(1);
    await director.weir.run(['down']);
    return result.stderr;
  };

  it.each([
    { name: 'lo', type: 772 },
    { name: 'tun0', type: 65534 },
  ])('$name has no Ethernet header and is refused', async ({ name, type }) => {
    const said = await failToStart({ public: 'eth0', private: name });
    expect(said).toContain(`${name} is not an Ethernet interface (ARPHRD type ${type})`);
    expect(said).not.toContain('    at ');
  });

  it('one that is not there is refused, and those that are there are named', async () => {
    const said = await failToStart({ public: 'eth0', private: 'eth7' });
    expect(said).toContain('there is no interface eth7 here, only ');
    for (const name of ['eth0', 'eth1']) expect(said).toContain(name);
  });

  it('one that appears later is taken by a reload, and the error of the one before is not forgotten', async () => {
    await director.write(draft([], { vips: [] }));
    const daemon = await director.start();
    await director.write(draft([], { director: { public: 'eth0', private: ['eth1', 'eth7'] }, vips: [] }));
    const refused = await director.weir.exec(['reload']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('eth7');
    await director.lab.run(director.lab.director, [
      ...['ip', 'link', 'add', 'name', 'eth7', 'type', 'veth', 'peer', 'name', 'eth7-far'],
    ]);
    expect(await director.weir.exec(['reload'])).toMatchObject({ code: 0 });
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
    await daemon.stop();
    await director.weir.run(['down']);
  });
});

describe('packets', () => {
  let director: DirectorLab;
  let client: LabClient;
  let clientHost: LabHost;

  beforeAll(async () => {
    director = await directorLab();
    clientHost = director.lab.clients[0]!;
    client = labClient(director.lab, clientHost);
  });
  afterAll(() => director?.close());

  const config = (more: Draft = {}): Draft => {
    const servers = serversOn(director.lab.servers, 80);
    return draft([{ protocol: 'tcp', address: vip, port: 80, scheduler: 'rr', servers }], more);
  };

  it('that are not ours reach every other program on the interface, before and behind ours', async () => {
    const { lab } = director;
    const object = await compileForeign(lab);
    const before = await attachForeignTcx(lab, object, 'eth0');
    const filter = await attachForeignFilter(lab, object, 'eth0');
    await director.write(config());
    await director.start();
    const behind = await attachForeignTcx(lab, object, 'eth0');
    const look = async () => ({
      before: await before.seen(),
      behind: await behind.seen(),
      filter: await filter(),
    });
    const start = await look();
    // Nobody listens on UDP port 9999; port 81 of the VIP is no service.
    await client.udp({ address: vip, port: 9999, count: 5, timeout: 50 });
    expect((await client.requests({ url: `http://${vip}:81/`, count: 3 })).failures).toHaveLength(3);
    const passed = await look();
    for (const who of ['before', 'behind', 'filter'] as const) {
      expect(passed[who].udp - start[who].udp, who).toBe(5);
      expect(passed[who].tcp - start[who].tcp, who).toBe(3);
    }
    // What is ours is seen by who comes first, and by nobody behind.
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    const ours = await look();
    expect(ours.before.tcp - passed.before.tcp).toBeGreaterThanOrEqual(6 * 4);
    expect(ours.behind.tcp).toBe(passed.behind.tcp);
    expect(ours.filter.tcp).toBe(passed.filter.tcp);
    // After they have gone, ours goes on.
    for (const one of [before, behind]) await one.process.stop();
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    // The clsact filter stays for the next test, which looks at what was passed on.
    const vlan = await vlanFrames();
    const opened = (await director.service(key)).conns;
    const seen = await filter();
    expect(await client.frames({ interface: 'eth0', frames: [vlan.tagged, vlan.tagged] })).toEqual({
      sent: 2,
    });
    expect(await client.frames({ interface: 'eth0', frames: [vlan.untagged] })).toEqual({ sent: 1 });
    await expect.poll(async () => (await director.service(key)).conns).toBe(opened + 1);
    expect((await filter()).tcp - seen.tcp).toBe(2);
  });

  it('of the real servers’ own go out masqueraded, and are seen as from the director', async () => {
    await director.reload(config({ masquerade: [{ source: '192.168.1.0/24', interface: 'eth0' }] }));
    const listener = await startRealServer(director.lab, clientHost);
    const who = await fetchJson<Who>(director.lab, director.lab.servers[1]!, `http://${clientHost.ipv4}/who`);
    expect(who).toMatchObject({ server: 'client1', client: { address: '203.0.113.1' } });
    // What is balanced is not masqueraded: the servers see the client still.
    const balanced = await fetchJson<Who>(director.lab, clientHost, `${url}who`);
    expect(balanced.client.address).toBe(clientHost.ipv4);
    await listener.stop();
    // Without the rule the server's address is nobody's to answer.
    await director.reload(config());
    await expect(
      director.lab.run(
        director.lab.servers[1]!,
        [process.execPath, '-e', `fetch('http://${clientHost.ipv4}/who')`],
        { timeout: 1_500 },
      ),
    ).rejects.toThrow();
  });

  it('leave nothing in the tables in the end, and the counters never disagreed with them', async () => {
    await director.drain();
    expect(director.errors()).toEqual([]);
  });

  /**
   * A SYN to the service, plain and with the tag of VLAN 100. Linux takes the tag out of the bytes before any program
   * sees the frame (skb_vlan_untag), with or without VLAN interfaces, so none is needed here.
   */
  async function vlanFrames(): Promise<{ tagged: string; untagged: string }> {
    const { lab } = director;
    const text = await lab.run(lab.director, ['ip', '-json', 'link', 'show', 'eth0']);
    const [{ address }] = JSON.parse(text) as [{ address: string }];
    const packet = synPacket({
      source: clientHost.ipv4,
      sourcePort: 25_678,
      destination: vip,
      destinationPort: 80,
      sequence: 1,
    });
    packet.writeUInt16BE(internetChecksum(packet.subarray(0, 20)), 10);
    const macs = `${address.replaceAll(':', '')}020000000001`;
    const rest = `0800${packet.toString('hex')}`;
    return { tagged: `${macs}81000064${rest}`, untagged: `${macs}${rest}` };
  }
});
