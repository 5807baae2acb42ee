import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serviceWith } from '../../test/contract/conversation.ts';
import { DEFAULT_LIMITS } from '../core/model/config.ts';
import { openRecord } from '../dataplane/ipvs/open.ts';
import { ipvsRecordDir, openPlane } from './open-plane.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-plane-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (dataplane: 'auto' | 'bpf' | 'ipvs') => () =>
  openPlane({
    config: { dataplane, limits: DEFAULT_LIMITS, attach: 'auto' },
    pinDir: join(directory, 'pins'),
    stateDir: directory,
    objectFile: () => {
      throw new Error('nothing is to be loaded');
    },
  });

it('no plane is opened beside the other', () => {
  mkdirSync(join(directory, 'pins/layout'), { recursive: true });
  expect(open('ipvs')).toThrow(/the bpf plane is pinned in .*pins.*weir down removes it/);
  rmSync(join(directory, 'pins'), { recursive: true });
  const record = openRecord(ipvsRecordDir(directory));
  record.publish(serviceWith([1]));
  record.close();
  expect(open('bpf')).toThrow(/the ipvs plane has 1 of Weir's services.*dataplane: ipvs/);
});

it('a bpf plane that is there, and cannot be opened, is not passed over', () => {
  mkdirSync(join(directory, 'pins'));
  writeFileSync(join(directory, 'pins/layout'), '');
  expect(open('auto')).toThrow('nothing is to be loaded');
});
