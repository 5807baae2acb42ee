import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NO_OVERRIDES, overridesOf } from '../core/model/override.ts';
import { NO_RULES, rulesOf } from '../core/model/rule-override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import { overridesFile } from './overrides-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-overrides-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('gives back what was kept, and nothing where nothing was', () => {
  const file = overridesFile(join(directory, 'state'));
  expect(file.load()).toEqual(NO_OVERRIDES);
  const service = 'tcp 203.0.113.100:80' as ServiceKey;
  const since = '2026-11-22T14:00:00.000Z';
  const overrides = overridesOf([
    { service, server: '192.168.1.101:80', state: 'drain', since, deadline: '2026-11-22T15:00:00.000Z' },
    { service, server: '192.168.1.102:80', state: 'down', since, reason: 'new disks' },
  ]);
  file.save(overrides);
  expect(file.load()).toEqual(overrides);
  file.save(NO_OVERRIDES);
  expect(file.load()).toEqual(NO_OVERRIDES);
  expect(readdirSync(join(directory, 'state'))).toEqual(['overrides.json']);
});

it('keeps what ipvsadm has changed beside them, and is read by an older weir while there is none', () => {
  const file = overridesFile(directory);
  const service = 'tcp 203.0.113.100:80' as ServiceKey;
  const since = '2026-11-22T14:00:00.000Z';
  const states = overridesOf([{ service, server: '192.168.1.101:80', state: 'drain', since }]);
  const rules = rulesOf([
    { kind: 'service', service, change: 'edited', rule: { persistence: null }, since, by: 'root' },
    { kind: 'server', service, server: '192.168.1.102:80', change: 'removed', rule: {}, since },
  ]);
  file.save(states);
  file.rules.save(rules);
  const again = overridesFile(directory);
  expect([again.load(), again.rules.load()]).toEqual([states, rules]);
  again.rules.save(NO_RULES);
  expect(JSON.parse(readFileSync(join(directory, 'overrides.json'), 'utf8'))).toMatchObject({ version: 1 });
  expect(overridesFile(directory).load()).toEqual(states);
});

it.each(['', '{', '{"version": 3, "overrides": []}', '{"version": 1, "overrides": [{"service": "x"}]}'])(
  'does not take %j for overrides',
  (text) => {
    writeFileSync(join(directory, 'overrides.json'), text);
    expect(() => overridesFile(directory).load()).toThrow(/overrides\.json is damaged.*delete it/);
  },
);
