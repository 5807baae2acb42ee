import { describe, expect, it } from 'vitest';
import { hostsOf, joinBatches, layOut, namespacesOf } from './topology.ts';

const lines = (options: Parameters<typeof layOut>[1]): string[] =>
  joinBatches(layOut('weir-1-1-1', options)).flatMap((batch) => batch.lines);

describe('the layout of a lab', () => {
  it('is the one of the LVS-NAT tutorial', () => {
    const { director, clients, servers } = layOut('weir-1-1-1', { clients: 2, servers: 3 });
    expect(director.interfaces.map((one) => [one.name, one.ipv4, one.ipv6])).toEqual([
      ['eth0', '203.0.113.1', '2001:db8:113::1'],
      ['eth1', '192.168.1.1', 'fd00:192:168:1::1'],
    ]);
    expect(clients.map((each) => each.ipv4)).toEqual(['203.0.113.10', '203.0.113.11']);
    expect(servers.map((each) => each.ipv6)).toEqual([
      'fd00:192:168:1::101',
      'fd00:192:168:1::102',
      'fd00:192:168:1::103',
    ]);
  });

  it('sends the real servers by the director, and the clients only on request', () => {
    expect(lines({}).filter((line) => line.includes('default via 192.168.1.1'))).toHaveLength(3);
    expect(lines({}).some((line) => line.includes('route add 192.168.1.0/24'))).toBe(false);
    expect(lines({ routeToServers: true }).some((line) => line.includes('route add 192.168.1.0/24'))).toBe(
      true,
    );
  });

  it('joins two machines directly and more by a bridge', () => {
    expect(lines({ clients: 1, servers: 1 }).some((line) => line.includes('bridge'))).toBe(false);
    expect(lines({ clients: 2, servers: 3 }).filter((line) => line.includes('type bridge'))).toHaveLength(2);
  });

  it('names no interface longer than the kernel allows, and no namespace twice', () => {
    const topology = layOut('weir-1-1-1', { clients: 90, servers: 150 });
    const names = lines({ clients: 90, servers: 150 }).flatMap((line) =>
      [...line.matchAll(/name (\S+)/g)].map((match) => match[1]!),
    );
    for (const name of names) expect(name.length).toBeLessThanOrEqual(15);
    expect(new Set(namespacesOf(topology)).size).toBe(hostsOf(topology).length + 1);
  });

  it.each([{ clients: 0 }, { clients: 91 }, { servers: 151 }, { servers: 1.5 }])('refuses %j', (options) => {
    expect(() => layOut('weir-1-1-1', options)).toThrow(RangeError);
  });
});
