/** What the ip_vs plane keeps on disk of what it has made: for the next daemon, and for nobody else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { serviceWith } from '../../../test/contract/conversation.ts';
import { serviceKey } from '../../core/model/service.ts';
import { NetlinkError } from '../../kernel/netlink/answer.ts';
import { memoryPlane } from './memory-plane.fixture.ts';
import { recordedServices, removeIpvsPlane } from './open.ts';
import { recordPath } from './record.ts';

const own = memoryPlane();
const { open, look, serversIn } = own;

describe('the record', () => {
  it('lets the next daemon find all as it was, and one that was killed while writing', async () => {
    const first = open();
    const [one, two] = [serviceWith([1, 2]), serviceWith([1], { port: 81 })];
    for (const service of [one, two]) first.publishService(service);
    first.removeService(serviceKey(two));
    first.close();
    const path = recordPath(own.recordDir);
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"publ`);
    const second = open();
    expect((await look(second)).services).toEqual(new Map([[serviceKey(one), one]]));
    expect((await look(second)).damaged).toEqual(new Map());
    expect(second.description).toContain('1 of its services found ours');
    second.close();
    expect(recordedServices(own.recordDir)).toBe(1);
    expect(removeIpvsPlane(own.recordDir, () => own.table)).toEqual(['ip_vs: tcp 203.0.113.100:80 removed']);
    expect(removeIpvsPlane(own.recordDir, () => own.table)).toEqual([]);
  });

  it('is nobody else’s: damaged, of another network, before the boot', () => {
    open().close();
    const path = recordPath(own.recordDir);
    const head = JSON.parse(readFileSync(path, 'utf8').split('\n')[0]!) as object;
    const service = serviceWith([1]);
    const write = (change: object) =>
      writeFileSync(
        path,
        `${JSON.stringify({ ...head, ...change })}\n${JSON.stringify({ publish: service })}\n`,
      );
    write({ boot_id: 'earlier' });
    expect(recordedServices(own.recordDir)).toBe(0);
    write({ network_namespace: 'elsewhere' });
    expect(() => open()).toThrow(/another network namespace/);
    writeFileSync(path, `${JSON.stringify(head)}\nnonsense\n{}\n`);
    expect(() => open()).toThrow(/line 2 is damaged/);
  });

  it('is written before the table changes, so that what the kernel refuses in the middle is known afterwards', async () => {
    const plane = open();
    const service = serviceWith([1, 1, 1]);
    own.table.before = (asked) => {
      if (asked === 'add 192.168.1.102:8080') throw new NetlinkError(asked, { errno: 12 });
    };
    expect(() => plane.publishService(service)).toThrow(/add 192\.168\.1\.102:8080: .*ENOMEM/);
    expect(serversIn(service)).toEqual([['3', 1]]);
    expect((await look(plane)).damaged!.get(serviceKey(service))).toMatch(/no server 192\.168\.1\.102:8080/);
    own.table.before = () => {};
    plane.publishService(service);
    expect((await look(plane)).damaged).toEqual(new Map());
    plane.close();
  });

  it('is one daemon’s at a time', () => {
    const plane = open();
    expect(() => open()).toThrow(/another weir works on/);
    plane.close();
    open().close();
  });
});
