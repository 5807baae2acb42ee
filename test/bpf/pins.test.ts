/** Pins that somebody removes are missed, put back while the daemon runs, and never half made up for by the next start. */
import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mendPlane, planeDamage } from '../../src/dataplane/bpf/plane-damage.ts';
import { openTables, type Tables, unpinAll } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';
import { SMALL } from './probe.ts';

let pinDir: string;
let tables: Tables;
const open = () => openTables(libbpf(), 'dist/director.bpf.o', pinDir, SMALL);
beforeEach(() => {
  pinDir = makePins();
  tables = open();
});
afterEach(() => {
  unpinAll(tables.directory);
  tables.close();
  removePins(pinDir);
});

it('are named, and put back: one, or all with their directory', () => {
  const all = readdirSync(tables.directory).sort();
  expect(planeDamage(tables)).toEqual([]);
  unlinkSync(join(tables.directory, 'servers'));
  expect(planeDamage(tables)).toEqual(['pins are gone: servers']);
  mendPlane(tables);
  expect(planeDamage(tables)).toEqual([]);
  for (const file of all) unlinkSync(join(tables.directory, file));
  rmSync(tables.directory, { recursive: true });
  expect(planeDamage(tables)).toEqual([expect.stringMatching(new RegExp(` and ${all.length - 5} more$`))]);
  mendPlane(tables);
  expect(readdirSync(tables.directory).sort()).toEqual(all);
  tables.close();
  tables = open();
  expect(tables).toMatchObject({ found: true, lost: [] });
});

it('that a start lacks have all made anew, with a secret of its own', () => {
  const { secret } = tables.settings.get(0);
  unlinkSync(join(tables.directory, 'connections4'));
  tables.close();
  tables = open();
  expect(tables).toMatchObject({ found: false, lost: ['connections4'] });
  expect(tables.settings.get(0).secret).not.toEqual(secret);
});

it('settings that somebody has written to come back as they were, but for the way that packets take', () => {
  const { settings } = tables;
  settings.change({ answer_rate: 7 });
  const before = settings.get(0);
  const spoil = { ...before, secret: before.secret.map(() => 0n), answer_rate: 0, by_stack: 1 };
  const bytes = new Uint8Array(settings.codec.size);
  settings.codec.write(new DataView(bytes.buffer), 0, spoil);
  libbpf().update(settings.fd, new Uint8Array(4), bytes);
  // What is changed meanwhile does not take over what others have written.
  settings.change({ route_epoch: 9 });
  expect(settings.get(0).secret).toEqual(before.secret);
  libbpf().update(settings.fd, new Uint8Array(4), bytes);
  expect(planeDamage(tables)).toEqual(['settings: secret is another']);
  mendPlane(tables);
  expect(settings.get(0)).toEqual({ ...before, route_epoch: 9, by_stack: 1 });
});
