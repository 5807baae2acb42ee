/** What a file may say about the numbers of connections that servers take. */
import { expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const file = (server: string): string => `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    servers: [{address: 192.168.1.101, ${server}}]
`;

function serverOf(text: string) {
  const result = parseConfig(file(text), 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.services[0]!.servers[0];
}

function wrong(text: string): string {
  const result = parseConfig(file(text), 'f');
  return result.ok ? '' : result.problems.map(formatProblem).join('\n');
}

const plain = { address: '192.168.1.101', port: 80, weight: 1 };

it('are none unless the file says otherwise', () => {
  expect(serverOf('weight: 1')).toEqual(plain);
  expect(serverOf('upper_threshold: 0, lower_threshold: 0')).toEqual(plain);
  expect(serverOf('upper_threshold: 100')).toEqual({ ...plain, upper_threshold: 100 });
  expect(serverOf('upper_threshold: 9, lower_threshold: 9')).toEqual({
    ...plain,
    upper_threshold: 9,
    lower_threshold: 9,
  });
});

it('are refused where a server would be in again before it is out', () => {
  expect(wrong('upper_threshold: 10, lower_threshold: 11')).toContain(
    '11 is above the upper threshold; expected a number up to 10',
  );
  expect(wrong('lower_threshold: 5')).toContain('there is no upper threshold');
  expect(wrong('upper_threshold: -1, lower_threshold: 5')).toContain('upper_threshold');
  expect(wrong('upper_threshold: -1, lower_threshold: 5')).not.toContain('lower_threshold');
});
