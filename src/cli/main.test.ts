/** The command line against a real control socket; behind it stands the director in memory of control.fixture.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Control } from '../api/control.ts';
import type { Step } from '../core/plan/step.ts';
import { COLOUR, cliRig, lines, terminal } from './main.fixture.ts';
import { VERBS } from './program.ts';
import type { Io } from './session.ts';

const rig = cliRig();
const { serve, weir } = rig;

describe('weir diff and reload', () => {
  const step: Step = { kind: 'set_sysctl', name: 'net.ipv4.ip_forward', from: '0', to: '1' };
  const changed = {
    ok: true,
    steps: [step],
    lines: ['~ sysctl net.ipv4.ip_forward  0 → 1', '1 change'],
  } as const;
  const refused = { ok: false, problems: ['weir.yaml:3:5: no such scheduler'] } as const;

  test('diff tells same, different and trouble apart', async () => {
    let answer: Awaited<ReturnType<Control['diff']>> = { ok: true, steps: [], lines: ['no changes'] };
    await serve({ diff: async () => answer });
    expect(await weir('diff')).toMatchObject({ code: 0, out: 'no changes\n' });
    answer = changed;
    expect(await weir('diff')).toMatchObject({
      code: 1,
      out: '~ sysctl net.ipv4.ip_forward  0 → 1\n1 change\n',
    });
    expect(JSON.parse((await weir('diff -o json')).out)).toMatchObject({ changed: true, steps: [step] });
    answer = refused;
    const bad = await weir('diff');
    expect(bad).toMatchObject({ code: 5, out: '' });
    expect(bad.err).toContain('weir.yaml:3:5: no such scheduler\n\n1 problem; nothing was changed');
  });

  test('diff fails with more than 1', async () => {
    await serve({ diff: () => Promise.reject(new Error('the map is gone')) });
    expect(await weir('diff')).toMatchObject({ code: 2, err: 'weir: the map is gone\n' });
    expect(await weir('diff /nowhere.yaml')).toMatchObject({
      code: 2,
      err: 'weir: there is no file /nowhere.yaml\n',
    });
    await rig.stop(0);
    expect(await weir('diff')).toMatchObject({ code: 4 });
  });

  test('diff sends the file that is named', async () => {
    const { calls } = await serve();
    const file = join(rig.dir, 'new.yaml');
    writeFileSync(file, 'services: []');
    await weir('diff');
    await weir(`diff ${file}`);
    await weir(`-c ${file} diff`);
    expect(calls).toEqual(['diff', `diff ${file} services: []`, `diff ${file} services: []`]);
  });

  test('reload prints what it did, or why it did nothing', async () => {
    let answer: Awaited<ReturnType<Control['reload']>> = {
      ok: true,
      steps: 1,
      lines: ['+ vip x', '1 change'],
    };
    await serve({ reload: async () => answer });
    expect(await weir('reload')).toMatchObject({ code: 0, out: '+ vip x\n1 change\n' });
    answer = refused;
    expect(await weir('reload')).toMatchObject({ code: 5, out: '' });
    expect(JSON.parse((await weir('reload -o json')).out)).toEqual(refused);
  });

  test('reload takes no other file than the daemon’s', async () => {
    const { calls } = await serve();
    expect(await weir('reload -c /etc/other.yaml')).toMatchObject({ code: 2 });
    expect(calls).toEqual([]);
    expect(await weir('reload -c /etc/weir/../weir/weir.yaml')).toMatchObject({ code: 0 });
  });

  test('what comes from a file cannot steer the terminal', async () => {
    const nasty = 'weir.yaml:1:1: "\u001b]0;owned\u0007\u009b2J\u202e"';
    await serve({ reload: async () => ({ ok: false, problems: [nasty] }) });
    const { err } = await weir('reload', terminal);
    expect(err.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const json = await weir('reload -o json', terminal);
    expect(json.out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(json.out).problems).toEqual([nasty]);
  });
});

describe('weir check', () => {
  const good = 'samples/minimal.yaml';

  test('summarises a good file, without a daemon', async () => {
    const { code, out, err } = await weir(`check ${good}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`good  ${good}\n`);
    const json = JSON.parse((await weir(`check -c ${good} -o json`)).out);
    expect(json).toMatchObject({ ok: true, file: good });
    for (const { key } of json.services) expect(out).toContain(key);
  });

  test('prints every problem of a bad one with its place, and ends with 5', async () => {
    const file = join(rig.dir, 'bad.yaml');
    writeFileSync(file, 'director: 7\nnonsense: true\n');
    const { code, out, err } = await weir(`check ${file}`);
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toContain(`${file}:2:1: nonsense`);
    const json = await weir(`check ${file} -o json`);
    expect(json.code).toBe(5);
    const { problems } = JSON.parse(json.out);
    expect(problems.length).toBeGreaterThan(1);
    expect(err).toContain(`${problems.length} problems in ${file}`);
  });

  test('a file that is not there is a failure', async () => {
    expect(await weir('check /nowhere.yaml')).toMatchObject({
      code: 1,
      err: 'weir: there is no file /nowhere.yaml\n',
    });
  });
});

describe('weir down and version', () => {
  test('down goes through the daemon and waits for its end', async () => {
    const made = await serve({
      down: async () => {
        setImmediate(() => void rig.stop());
        return ['- program on eth0 (public)'];
      },
    });
    expect(made.calls).toEqual([]);
    expect(await weir('down')).toMatchObject({ code: 0, out: '- program on eth0 (public)\n', err: '' });
    expect(await weir('services')).toMatchObject({ code: 4 });
  });

  test('version answers with and without a daemon', async () => {
    const without = await weir('version -o json');
    expect(without.code).toBe(0);
    expect(JSON.parse(without.out)).toMatchObject({ daemon: null });
    await serve();
    const { out } = await weir('version');
    expect(out).toMatch(/^weir {4}\d+\.\d+\.\d+\ndaemon {2}0\.1\.0\n$/);
  });
});

describe('weir', () => {
  test.each(['services', 'servers', 'connections', 'stats', 'reload', 'diff'])(
    '%s without a daemon ends with 4 and advice',
    async (verb) => {
      const answer = await weir(verb);
      expect(answer).toMatchObject({ code: 4, out: '', err: expect.stringContaining('weir run') });
    },
  );

  test('a failure in the director ends with 1 and its words', async () => {
    await serve({ services: () => Promise.reject(new Error('the map is gone')) });
    expect(await weir('services')).toMatchObject({ code: 1, out: '', err: 'weir: the map is gone\n' });
  });

  test.each([
    ['servces', 'Did you mean services?'],
    ['services --wat', 'unknown option'],
    ['services -o xml', 'table, wide, json, yaml'],
    ['services one two', 'too many arguments'],
    ['', 'Usage: weir'],
    ['drain', 'weir help drain'],
    ['help drian', 'there is no verb drian; did you mean drain?'],
  ])('"%s" is a mistake of usage', async (line, words) => {
    expect(await weir(line)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(words) });
  });

  test.each(VERBS.map(({ name }) => name))('%s --help shows examples within 80 columns', async (verb) => {
    const { code, out, err } = await weir(`${verb} --help`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Examples:\n  weir .*${verb}`, 'm'));
    expect(out).toContain('--run-dir <dir>');
    expect(Math.max(...lines(out).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await weir(`help ${verb}`)).out).toBe(out);
  });

  test('--help lists every verb', async () => {
    const { code, out } = await weir('--help');
    expect(code).toBe(0);
    for (const { name, summary } of VERBS) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  test('colours only where they are wanted', async () => {
    await serve();
    const colored = async (line: string, io: Partial<Io>) => COLOUR.test((await weir(line, io)).out);
    expect(await colored('services', {})).toBe(false);
    expect(await colored('services', terminal)).toBe(true);
    expect(await colored('services', { ...terminal, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await colored('services', { ...terminal, env: { TERM: 'dumb' } })).toBe(false);
    expect(await colored('services --color never', terminal)).toBe(false);
    expect(await colored('services --color always', {})).toBe(true);
    expect(await colored('services -o json', terminal)).toBe(false);
  });
});
