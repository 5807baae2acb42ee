import { describe, expect, it } from 'vitest';
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
