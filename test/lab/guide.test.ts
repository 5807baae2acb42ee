/** Every command of the guide and of the README does what its page says, on a real director. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LabProcess } from '../../src/lab/process.ts';
import { type Command, readPage } from '../support/page.ts';
import { hasShape, linesOf } from '../support/shape.ts';
import { type GuideLab, guideLab } from './guide-lab.ts';

const PAGES = ['README.md', ...readdirSync('docs/guide').map((name) => `docs/guide/${name}`)];
const PIECES = new Map(PAGES.map((page) => [page, readPage(readFileSync(page, 'utf8'))]));
const CONFIG = '/etc/weir/weir.yaml';
/** These come before the daemon. */
const WITHOUT_DAEMON = /^weir (check|run)\b/;
/** And these look at the file that it has not read yet. */
const KNOWS_THE_FILE = /^weir (diff|reload|apply|down)\b/;

/** These change nothing, and may be typed again until all that was done before is seen: the end of a connection, say. */
const LOOKS = /^weir (connections|status|services|servers|stats)\b/;

let guide: GuideLab;
beforeAll(async () => {
  guide = await guideLab();
});
afterAll(() => guide?.close());

describe.each([...PIECES].filter(([, pieces]) => pieces.length > 0))('%s', (_, pieces) => {
  let daemon: LabProcess | undefined;
  /** True when the daemon has not read what is in the file. */
  let isNew = false;

  const run = async (): Promise<void> => {
    daemon = await guide.start();
    isNew = false;
  };
  const type = async (command: Command): Promise<void> => {
    if (command.text === 'weir run') return run();
    if (isNew && !WITHOUT_DAEMON.test(command.text)) {
      if (daemon === undefined) await run();
      else if (!KNOWS_THE_FILE.test(command.text))
        expect(await guide.type('director', 'weir reload')).toMatchObject({ code: 0 });
    }
    const attempt = async (): Promise<void> => {
      const { code, stdout, stderr } = await guide.type(command.host, command.text);
      const said = stdout + stderr;
      expect(code, said).toBe(command.exit);
      if (command.output.length > 0 && !hasShape(linesOf(said), command.output))
        expect(linesOf(said), 'the shape of what is printed').toEqual(command.output);
    };
    if (LOOKS.test(command.text)) await vi.waitFor(attempt, { timeout: 10_000, interval: 100 });
    else await attempt();
    if (!WITHOUT_DAEMON.test(command.text) && !/^weir (diff|down)\b/.test(command.text)) isNew = false;
  };

  afterAll(async () => {
    await guide.type('director', `weir down; rm -f ${CONFIG}`);
    await daemon?.ended;
  });

  for (const piece of pieces) {
    if (piece.kind === 'config')
      it(`line ${piece.line}: the configuration is right`, async () => {
        const whole = /^director:/m.test(piece.text);
        const text = whole ? piece.text : `director: {public: eth0, private: eth1}\n${piece.text}`;
        await guide.write(CONFIG, text);
        isNew = true;
        expect(await guide.type('director', 'weir check')).toMatchObject({ code: 0 });
      });
    else if (piece.kind === 'script')
      it(`line ${piece.line}: the script is one`, async () => {
        await guide.write('/run/script', piece.text);
        expect(await guide.type('director', 'bash -n /run/script')).toMatchObject({ code: 0, stderr: '' });
        for (const [, target] of piece.text.matchAll(/^make ([\w-]+)/gm))
          expect(await guide.type('director', `make -n ${target}`)).toMatchObject({ code: 0 });
      });
    else it(`line ${piece.command.line}: ${piece.command.text}`, () => type(piece.command));
  }
});

it('the pages name verbs and options that there are', async () => {
  const { stdout: help } = await guide.type('director', 'weir help');
  const verbs = new Set([...help.matchAll(/^ {2}(\w+)/gm)].map(([, verb]) => verb!));
  const options = new Map<string, string>();
  for (const page of PAGES)
    for (const [, verb, rest] of readFileSync(page, 'utf8').matchAll(/`weir ([a-z]+)((?: [^`]*)?)`/g)) {
      expect([...verbs], `${page}: weir ${verb}`).toContain(verb);
      if (!options.has(verb!)) options.set(verb!, (await guide.type('director', `weir help ${verb}`)).stdout);
      for (const [option] of rest!.matchAll(/--[a-z-]+/g))
        expect(options.get(verb!), `${page}: weir ${verb}${rest}`).toContain(option);
    }
});
