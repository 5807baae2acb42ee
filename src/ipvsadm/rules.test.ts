import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lookups } from './lookup.ts';
import { run } from './main.ts';
import { NAMES } from './names.fixture.ts';
import { parseCommand } from './parse.ts';
import { readRules } from './rules.ts';

const read = (text: string, comments = false) =>
  readRules(text, { comments, parse: (argv) => parseCommand(argv, NAMES) });
const mistake = async (text: string, comments = false) => {
  const answer = await read(text, comments);
  return 'mistake' in answer ? answer.mistake.text : 'none';
};

describe('readRules', () => {
  it('reads what -S prints, with blank lines and the program’s name', async () => {
    const answer = await read(
      'ipvsadm -A -t 1.2.3.4:80 -s rr\n\n  -a -t 1.2.3.4:80 -r 10.0.0.1:80 -m -w 1\r\n',
    );
    expect(answer).toMatchObject({
      rules: [
        { line: 1, command: { kind: 'add-service' } },
        { line: 3, command: { kind: 'add-server' } },
      ],
    });
  });

  it('says line and column of the first mistake', async () => {
    expect(await mistake('-A -t 1.2.3.4:80\n  -A  -t bogus:80x -s rr\n-A -t alsobogus\n')).toBe(
      'line 2, column 10: illegal virtual server address[:port] specified',
    );
    expect(await mistake('-A -t 1.2.3.4:80 -p x')).toMatch(/^line 1, column 21: invalid timeout value/);
    expect(await mistake('-A -t 1.2.3.4:80 --bogus')).toBe('line 1, column 18: --bogus: unknown option');
    expect(await mistake('-R')).toBe('line 1, column 1: rules do not stand among rules');
  });

  it('leaves comments out where that is wanted, and else says what they are', async () => {
    expect(await mistake('# rules\n-A -t 1.2.3.4:80\n', true)).toBe('none');
    expect(await mistake('# rules\n-A -t 1.2.3.4:80\n')).toMatch(/^line 1, column 1: a comment/);
  });

  it('refuses what is no text', async () => {
    expect(await mistake('-A -t 1.2.3.4:80\n-A \0')).toBe(
      'line 2, column 4: byte 0x00: this is no text of rules',
    );
    expect(await mistake(new TextDecoder().decode(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)))).toMatch(
      /byte 0x7f/,
    );
    expect(await mistake(new TextDecoder().decode(Uint8Array.of(0x2d, 0xff, 0xfe)))).toMatch(/not UTF-8/);
  });
});

describe('a file of rules that is none', () => {
  /** What a program makes of it, and what it has asked of the table. */
  const given = async (words: string, input: Uint8Array) => {
    let err = '';
    const asked = new Set<string>();
    const table = new Proxy({} as never, {
      get: (_, name: string) => {
        if (name !== 'close' && name !== 'then') asked.add(name);
        return name === 'then' ? undefined : () => [];
      },
    });
    const [program, ...argv] = words.split(' ');
    const code = await run(program!, argv, {
      out: () => {},
      err: (text) => {
        err += text;
      },
      input: () => input,
      open: () => table,
      lookups: { names: NAMES, resolve: async () => {} } as unknown as Lookups,
    });
    return { code, err, asked };
  };
  const GOOD = Buffer.from('-A -t 1.2.3.4:80 -s rr\n-a -t 1.2.3.4:80 -r 10.0.0.1:80 -m\n');

  it.each(['ipvsadm-restore', 'ipvsadm -R'])(
    'is refused by %s as a whole, whatever is in it',
    async (program) => {
      const junk = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Uint8Array.of(...bytes, 0));
      await fc.assert(
        fc.asyncProperty(junk, async (bytes) => {
          const { code, err, asked } = await given(program, Buffer.concat([GOOD, bytes]));
          expect(code).not.toBe(0);
          expect(err).toMatch(/^line \d+, column \d+: /);
          expect(asked).toEqual(new Set());
        }),
      );
    },
  );

  it('is refused when it is one line of ten million characters, or a program', async () => {
    for (const bytes of [
      Buffer.alloc(10_000_000, '-A x '),
      Buffer.from('\x7fELF\x02\x01\x01\0\0', 'latin1'),
    ]) {
      const { code, err, asked } = await given('ipvsadm-restore', bytes);
      expect(code).toBe(2);
      expect(err).toMatch(/^line 1, column \d+: /);
      expect(err.length).toBeLessThan(1_000);
      expect(asked).toEqual(new Set());
    }
  });

  it('never throws, not line by line either', async () => {
    const piece = fc.oneof(
      fc.constantFrom('-A', '-a', '-t', '1.2.3.4:80', '-r', '-m', '-w', '--set', '1', '\n', '[::1]:5', '-f'),
      fc.string({ maxLength: 6, unit: 'binary' }),
    );
    const text = fc.array(piece, { maxLength: 40 }).map((words) => Buffer.from(words.join(' ')));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(text, fc.uint8Array({ maxLength: 100 })),
        fc.constantFrom('ipvsadm-restore --strict-compat', 'ipvsadm -R --strict-compat', 'ipvsadm-restore'),
        async (bytes, program) => {
          const { code, err } = await given(program, bytes);
          expect([0, 1, 2, 255]).toContain(code);
          expect(err).not.toMatch(/\bat .*\.ts:|TypeError|RangeError|undefined/);
        },
      ),
    );
  });
});
