import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serviceWith } from '../../../test/contract/conversation.ts';
import { withSmallFiles } from '../../../test/support/small-files.ts';
import { serviceKey } from '../../core/model/service.ts';
import { recordPath, ServiceRecord } from './record.ts';

const HERE = { boot_id: 'b', network_namespace: '4' };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-record-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('keeps nothing of a line that a full disk has cut short, and goes on once there is room', () => {
  const [one, two, three] = [80, 81, 82].map((port) => serviceWith([1, 2, 3], { port }));
  const record = new ServiceRecord(directory, HERE);
  record.publish(one!);
  const { size } = statSync(recordPath(directory));
  const publish = () => record.publish(two!);
  expect(() => withSmallFiles(size + 20, publish)).toThrow(/services\.jsonl cannot be written.*EFBIG/);
  expect(statSync(recordPath(directory)).size).toBe(size);
  expect([...record.services.keys()]).toEqual([serviceKey(one!)]);
  record.publish(three!);
  record.close();
  const again = new ServiceRecord(directory, HERE);
  expect([...again.services.keys()]).toEqual([one!, three!].map(serviceKey));
  again.close();
});

it('is begun anew only where all of it finds room', () => {
  const services = [80, 81, 82].map((port) => serviceWith([1, 2, 3], { port }));
  const record = new ServiceRecord(directory, HERE);
  for (const service of services) record.publish(service);
  record.close();
  expect(() => withSmallFiles(500, () => new ServiceRecord(directory, HERE))).toThrow(/is as it was.*EFBIG/);
  const again = new ServiceRecord(directory, HERE);
  expect(again.services.size).toBe(3);
  again.close();
});
