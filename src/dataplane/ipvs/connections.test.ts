import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Endpoint } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import type { ServiceKey } from '../../core/model/service.ts';
import { listConnections, passing, readConnection } from './connections.ts';

const TITLE = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData';
const IPV4 = 'TCP CB00710A 0FA0 CB007164 0050 C0A80165 1F90 ESTABLISHED     899';
const IPV6 =
  'UDP 2001:0db8:0113:0000:0000:0000:0000:0010 0FA2 2001:0db8:0113:0000:0000:0000:0000:0100 0035 fd00:0192:0168:0001:0000:0000:0000:0101 0035 UDP             300';
const TEMPLATE = 'TCP CB007100 0000 CB007164 0050 C0A80166 1F90 ASSURED         42';

it('reads a connection of either family, and a template', () => {
  expect(readConnection(IPV4)).toEqual({
    protocol: 'tcp',
    state: 'ESTABLISHED',
    client: { address: '203.0.113.10', port: 4000 },
    virtual: { address: '203.0.113.100', port: 80 },
    server: { address: '192.168.1.101', port: 8080 },
    client_port_at_server: 4000,
    expires_ms: 899_000,
  });
  expect(readConnection(IPV6)).toMatchObject({
    protocol: 'udp',
    state: 'UDP',
    client: { address: '2001:db8:113::10', port: 4002 },
    server: { address: 'fd00:192:168:1::101', port: 53 },
  });
  expect(readConnection(IPV4.replace('TCP', 'SCTP').replace('ESTABLISHED', 'C-ECHOED   '))).toMatchObject({
    protocol: 'sctp',
    state: 'C-ECHOED',
  });
  expect(readConnection(TEMPLATE)).toMatchObject({ state: 'TEMPLATE', client: { port: 0 } });
});

it('leaves out the title and whatever is none, and never throws', () => {
  expect(readConnection(TITLE)).toBeUndefined();
  expect(readConnection(IPV4.replace('TCP', 'IP '))).toBeUndefined();
  expect(readConnection(IPV4.replace('ESTABLISHED', 'NEW_STATE'))).toBeUndefined();
  const words = fc.constantFrom(...IPV4.split(/ +/), ...IPV6.split(/ +/), ':', '', 'ZZ', '::1');
  fc.assert(
    fc.property(fc.array(words, { maxLength: 11 }), fc.string(), (some, any) => {
      readConnection(some.join(' '));
      readConnection(any);
    }),
  );
});

it('streams a table of any length, lines across chunks too, with filters', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-conn-'));
  try {
    const path = join(directory, 'ip_vs_conn');
    const many = Array.from({ length: 5_000 }, (_, i) =>
      IPV4.replace('0FA0', (i + 1).toString(16).toUpperCase().padStart(4, '0')),
    );
    writeFileSync(path, `${[TITLE, ...many, IPV6, TEMPLATE].join('\n')}\n`);
    const chunks: (readonly Connection[])[] = [];
    for await (const chunk of listConnections(() => true, path)) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks.flat().length).toBe(5_002);
    const count = async (
      filter: Parameters<typeof passing>[0],
      others: string[] = [],
      marked: Endpoint[] = [],
    ) => {
      let found = 0;
      const pass = passing(filter, new Set(others as ServiceKey[]), marked);
      for await (const chunk of listConnections(pass, path)) found += chunk.length;
      return found;
    };
    expect(await count({ client: '203.0.113.10:4000' })).toBe(1);
    expect(await count({ server: '[fd00:192:168:1::101]:53' })).toBe(1);
    expect(await count({ service: 'tcp 203.0.113.100:80' as ServiceKey })).toBe(5_001);
    const every = 'tcp 203.0.113.100:0' as ServiceKey;
    expect(await count({ service: every })).toBe(5_001);
    expect(await count({ service: every }, ['tcp 203.0.113.100:80'])).toBe(0);
    // Of a mark are those to its servers that no other service has.
    const mark = { service: 'fwmark 7' as ServiceKey };
    const server = { address: '192.168.1.101', port: 0 } as Endpoint;
    expect(await count(mark)).toBe(0);
    expect(await count(mark, [], [server])).toBe(5_000);
    expect(await count(mark, [], [{ ...server, port: 81 }])).toBe(0);
    expect(await count(mark, ['tcp 203.0.113.100:80'], [server])).toBe(0);
    expect(await count(mark, [every], [server])).toBe(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
