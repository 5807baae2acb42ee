/** A look for drift that is told to leave ends soon, and those after it go on from its place. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address/address.ts';
import { serviceKey, type VirtualService } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { Inspector } from '../../src/dataplane/bpf/inspect.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { openProbe, type Probe, SMALL } from './probe.ts';

const service = (index: number): VirtualService => ({
  protocol: 'tcp',
  address: parseAddress('203.0.113.100')!,
  port: 1000 + index,
  scheduler: 'wrr',
  timeouts: DEFAULT_TIMEOUTS,
  servers: Array.from({ length: 10 }, (_, i) => ({
    address: parseAddress(`192.168.1.${101 + i}`)!,
    port: 80,
    weight: 1 + i,
  })),
});
const COUNT = 100;

let probe: Probe;
beforeAll(() => {
  probe = openProbe(SMALL);
  for (let index = 0; index < COUNT; index++) publishService(probe.publisher, service(index));
});
afterAll(() => probe.close());

it('leaves off after a chunk, and gets to the last service in the end', async () => {
  const { tables, registry } = probe.publisher;
  const last = registry.services.get(serviceKey(service(COUNT - 1)))!;
  const place = last.members.start;
  tables.members.set(place, { ...tables.members.get(place), weight: 77 });
  const inspector = new Inspector(probe.publisher);
  let looks = 0;
  let asked = 0;
  while (!registry.damage.has(last.key) && looks < 100) {
    looks++;
    await inspector.look(() => ++asked > 0);
  }
  expect(registry.damage.get(last.key)).toContain('weight is 77');
  // Some 40 elements a service, 256 a chunk.
  expect(looks).toBeGreaterThan(10);
  expect(asked).toBeLessThanOrEqual(looks);
});

it('sees that an answer of a server leads nowhere, or elsewhere, and a publication mends it', async () => {
  const { tables, registry } = probe.publisher;
  const single: VirtualService = { ...service(COUNT), protocol: 'udp', one_packet: true };
  publishService(probe.publisher, single);
  const key = serviceKey(single);
  const look = async (): Promise<string | undefined> => {
    registry.damage.delete(key);
    const inspector = new Inspector(probe.publisher);
    for (let looks = 0; looks < 100 && !registry.damage.has(key); looks++) await inspector.look(() => false);
    return registry.damage.get(key);
  };
  expect(await look()).toBeUndefined();
  const place = tables.onePacket.next(undefined)!;
  const id = tables.onePacket.get(place)!;
  tables.onePacket.set(place, id + 1);
  expect(await look()).toBe(`answers of server ${id} lead to ${id + 1}`);
  publishService(probe.publisher, single);
  expect(tables.onePacket.get(place)).toBe(id);
  tables.onePacket.delete(place);
  expect(await look()).toContain('lead to none');
  publishService(probe.publisher, single);
  tables.settings.set(0, { ...tables.settings.get(0), one_packets: 0 });
  expect(await look()).toContain('settings say');
  publishService(probe.publisher, single);
  expect(await look()).toBeUndefined();
});
