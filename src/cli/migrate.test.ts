/** `weir migrate` as it is asked for and told, against a real control socket; migrations themselves are shown by make guest-migrate. */
import { expect, test } from 'vitest';
import { fixture } from '../api/control.fixture.ts';
import type { Control, MigrationState } from '../api/control.ts';
import { cliRig } from './main.fixture.ts';

const rig = cliRig();

/** Types a line to a director that answers so, in place of the one before. */
async function weir(control: Partial<Control>, ...words: string[]) {
  await rig.stop(0);
  const made = await rig.serve(control);
  return { ...(await rig.weir(words.join(' '))), calls: made.calls };
}

const UNDER_WAY: MigrationState = {
  from: 'bpf',
  to: 'ipvs',
  since: '2026-11-22T14:03:00.000Z',
  until: '2026-11-22T15:03:00.000Z',
  connections: 12,
};
const status = fixture({}).control.status();
const chosen = { plane: 'ipvs', since: UNDER_WAY.since } as const;

test('a dry run shows the plan and asks for nothing else', async () => {
  const { code, out, calls } = await weir({}, 'migrate', '--to', 'ipvs', '--dry-run', '--deadline', '30m');
  expect(code).toBe(0);
  expect(out).toContain('3 connections stay with bpf');
  expect(calls).toEqual(['migrate to ipvs, dry in 1800000 ms']);
});

test('a migration is followed until the old plane is gone', async () => {
  const answers = [{ ...UNDER_WAY, connections: null }, UNDER_WAY, null];
  const asked = { status: () => ({ ...status, migration: answers.shift() ?? null }) };
  const { code, err } = await weir(asked, 'migrate', '--to', 'ipvs');
  expect(code).toBe(0);
  expect(err.split('\n').filter(Boolean)).toEqual([
    'ipvs takes new connections; bpf has connections left, until 2026-11-22T15:03:00.000Z at most',
    'ipvs takes new connections; bpf has 12 connections left, until 2026-11-22T15:03:00.000Z at most',
    'bpf is gone; ipvs directs alone',
  ]);
});

test('without --to it shows how far a migration is; weir status and weir overrides tell of it', async () => {
  const control = { status: () => ({ ...status, dataplane_chosen: chosen, migration: UNDER_WAY }) };
  expect((await weir(control, 'migrate')).out).toContain('bpf has 12 connections left');
  const { out } = await weir(control, 'migrate', '-o', 'json');
  expect(JSON.parse(out)).toMatchObject({ dataplane: 'bpf', dataplane_chosen: chosen, migration: UNDER_WAY });
  expect((await weir(control, 'status')).out).toMatch(
    /chosen +ipvs over the configuration.*\nmoving +ipvs takes/,
  );
  expect((await weir(control, 'overrides')).err).toContain('dataplane is ipvs since 2026-11-22T14:03:00Z');
  expect((await weir({}, 'migrate')).out).toBe('no migration is under way; bpf directs\n');
});

test('what cannot be is said with an exit code of its own', async () => {
  expect(await weir({}, 'migrate', '--to', 'bpf')).toMatchObject({
    code: 6,
    err: 'weir: bpf directs already\n',
  });
  const refused = {
    migrate: async () => ({ ok: false as const, problems: ['weir.yaml:6:5: no_server: …'] }),
  };
  expect(await weir(refused, 'migrate', '--to', 'ipvs')).toMatchObject({
    code: 5,
    err: expect.stringContaining('ipvs cannot do what is configured; nothing was changed'),
  });
  expect((await weir({}, 'migrate', '--to', 'xdp')).code).toBe(2);
  expect((await weir({}, 'migrate', '--dry-run')).code).toBe(2);
  expect((await weir({}, 'migrate', '--to', 'ipvs', '--deadline', 'soon')).code).toBe(2);
});
