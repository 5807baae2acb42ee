import { describe, expect, it } from 'vitest';
import { type ConfigProblem, formatPath, formatProblem, formatProblemWithSource, quote } from './problems.ts';

const problem: ConfigProblem = {
  file: 'weir.yaml',
  line: 2,
  column: 14,
  path: 'services[0].scheduler',
  message: '"wlx" is not a scheduler',
  expected: 'one of rr, wrr, lc, wlc',
  nearest: 'wlc',
};

describe('problems', () => {
  it('says where, what and what instead in one line', () => {
    expect(formatProblem(problem)).toBe(
      'weir.yaml:2:14: services[0].scheduler: "wlx" is not a scheduler; expected one of rr, wrr, lc, wlc; did you mean "wlc"?',
    );
    expect(formatProblem({ file: 'f', line: 1, column: 1, path: '', message: 'empty' })).toBe('f:1:1: empty');
  });

  it('puts a caret under the place, tabs and long lines included', () => {
    const under = (text: string, column: number) =>
      formatProblemWithSource({ ...problem, column }, `first\n${text}\n`)
        .split('\n')
        .slice(1);
    expect(under('  scheduler: wlx', 14)).toEqual(['  2 |   scheduler: wlx', '    |              ^']);
    expect(under('\t\tx\r', 3)).toEqual(['  2 | \t\tx', '    | \t\t^']);
    const [line = '', caret = ''] = under(`${' '.repeat(500)}!${' '.repeat(500)}`, 501);
    expect(line.length).toBeLessThan(140);
    expect(line[caret.indexOf('^')]).toBe('!');
  });

  it('leaves the line out where there is none', () => {
    expect(formatProblemWithSource({ ...problem, line: 9 }, 'one line')).toBe(
      formatProblem(problem).replace(':2:', ':9:'),
    );
  });

  it('repeats nothing that a terminal would obey', () => {
    expect(quote('\u001b[31m\u009b\u202e')).toMatch(/^[\x20-\x7e·]+$/);
    expect(formatProblemWithSource({ ...problem, line: 1, column: 1 }, 'a\u001b]0;x\u0007')).not.toContain(
      '\u001b',
    );
    expect(quote('x'.repeat(1000)).length).toBeLessThan(60);
  });

  it('writes paths', () => {
    expect(formatPath(['services', 0, 'servers', 1, 'port'])).toBe('services[0].servers[1].port');
    expect(formatPath(['host', 'sysctls', 'net.core.somaxconn'])).toBe('host.sysctls["net.core.somaxconn"]');
  });
});
