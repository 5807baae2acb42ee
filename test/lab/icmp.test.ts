/** ICMP errors find their way through the director, both ways, in both families. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { startRealServers } from '../../src/lab/real-servers.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { type LabWeir, labWeir } from '../../src/lab/weir.ts';

const VIPS = { 4: '203.0.113.100', 6: '2001:db8:113::100' } as const;
const SERVERS = { 4: '192.168.1.101', 6: 'fd00:192:168:1::101' } as const;
/** Nobody listens on CLOSED at the server; on ECHO somebody does. */
const CLOSED = 9999;
const ECHO = 5353;

const config = (forwarding: string) => `
director: {public: eth0, private: eth1, forwarding: ${forwarding}}
vips:
  - {address: ${VIPS[4]}/24}
  - {address: "${VIPS[6]}/64"}
services:
${([4, 6] as const)
  .flatMap((family) =>
    [CLOSED, ECHO].map(
      (port) =>
        `  - {protocol: udp, address: "${VIPS[family]}", port: ${port === CLOSED ? 1000 : 53}, scheduler: rr, servers: [{address: "${SERVERS[family]}", port: ${port}}]}`,
    ),
  )
  .join('\n')}
limits: {connections_ipv4: 64, connections_ipv6: 64, half_open: 16}
`;

/** Sends one datagram from a connected socket; prints the error that comes back, or leaves before it can. */
const sender = (family: 4 | 6, port: number, listen: boolean) => `
const socket = require('node:dgram').createSocket('udp${family}');
socket.on('error', (error) => { console.log(error.code); socket.close(); });
socket.connect(${port}, '${VIPS[family]}', () => { socket.send('x'); ${listen ? '' : 'socket.close();'} });
`;

let lab: Lab;
let weir: LabWeir;
beforeAll(async () => {
  lab = await createLab({ servers: 1 });
  await startRealServers(lab);
  weir = labWeir(lab);
  await weir.writeConfig(config('redirect'));
  await weir.start();
});
afterAll(() => lab?.close());

/** How many "destination unreachable" a host has received, and how many ICMP messages with a wrong checksum. */
async function received(host: LabHost, family: 4 | 6): Promise<{ unreachable: number; wrong: number }> {
  const text = await lab.run(host, ['cat', family === 4 ? '/proc/net/snmp' : '/proc/net/snmp6']);
  if (family === 6) {
    const value = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(text)?.[1]);
    return { unreachable: value('Icmp6InDestUnreachs'), wrong: value('Icmp6InCsumErrors') };
  }
  const [names, values] = text
    .split('\n')
    .filter((line) => line.startsWith('Icmp:'))
    .map((line) => line.split(' '));
  const value = (name: string) => Number(values![names!.indexOf(name)]);
  return { unreachable: value('InDestUnreachs'), wrong: value('InCsumErrors') };
}

describe.each(['redirect', 'stack'])('by %s', (forwarding) => {
  beforeAll(async () => {
    await weir.writeConfig(config(forwarding));
    await weir.run(['reload']);
  });

  describe.each([4, 6] as const)('IPv%i', (family) => {
    it('a server with nobody on the port: the client hears it from the VIP', async () => {
      const { stdout } = await lab.exec(
        lab.clients[0]!,
        [process.execPath, '-e', sender(family, 1000, true)],
        {
          timeout: 10_000,
        },
      );
      expect(stdout.trim()).toBe('ECONNREFUSED');
    });

    it('a client that has gone: the server hears it', async () => {
      const server = lab.servers[0]!;
      const before = await received(server, family);
      let after = before;
      // The reply may be faster than the client's end; then nothing is wrong, and another client is sent.
      for (let client = 0; client < 10 && after.unreachable === before.unreachable; client++) {
        await lab.run(lab.clients[0]!, [process.execPath, '-e', sender(family, 53, false)]);
        for (let look = 0; look < 50 && after.unreachable === before.unreachable; look++) {
          await wait(20);
          after = await received(server, family);
        }
      }
      expect(after).toEqual({ unreachable: before.unreachable + 1, wrong: before.wrong });
    });
  });
});

it('counts what it translated', async () => {
  const stats = JSON.parse(await weir.run(['stats', '-o', 'json'])) as {
    verdicts: { icmp_translated: number };
  };
  expect(stats.verdicts.icmp_translated).toBe(8);
});
