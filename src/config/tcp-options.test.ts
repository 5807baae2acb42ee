/** What a file may say about TCP and quiescent templates. */
import { expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const file = (service: string): string => `director: {public: eth0, private: eth1}
services:
  - address: 203.0.113.100
    port: 80
    servers: []
${service}
`;

function serviceOf(text: string) {
  const result = parseConfig(file(text), 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.services[0]!;
}

function wrong(text: string): string {
  const result = parseConfig(file(text), 'f');
  return result.ok ? '' : result.problems.map(formatProblem).join('\n');
}

it('are off unless the file says otherwise', () => {
  const plain = serviceOf('    protocol: tcp');
  expect(plain).not.toHaveProperty('sloppy_tcp');
  expect(serviceOf('    protocol: tcp\n    sloppy_tcp: false\n    secure_tcp: false')).toEqual(plain);
  expect(serviceOf('    protocol: tcp\n    sloppy_tcp: true\n    secure_tcp: true')).toEqual({
    ...plain,
    sloppy_tcp: true,
    secure_tcp: true,
  });
  const { persistence } = serviceOf('    protocol: udp\n    persistence: {expire_quiescent_template: true}');
  expect(persistence).toEqual({ timeout: 300_000, granularity: 32, expire_quiescent_template: true });
});

it('are refused where they would do nothing, and where they are no switch', () => {
  expect(wrong('    protocol: udp\n    sloppy_tcp: true')).toContain('is for TCP, but the service is UDP');
  expect(wrong('    protocol: udp\n    secure_tcp: false')).toBe('');
  expect(wrong('    protocol: tcp\n    secure_tcp: "yes"')).toContain('true or false');
});
