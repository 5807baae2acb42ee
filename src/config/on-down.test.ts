/** What a file may say about the connections of a server that goes down. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const file = (service: string): string => `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    servers: [{address: 192.168.1.101}]
${service}
`;

describe('on_down', () => {
  it('keeps connections unless the file says otherwise', () => {
    const serviceOf = (line: string) => {
      const result = parseConfig(file(line), 'f');
      if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
      return result.config.services[0]!;
    };
    const service = serviceOf('');
    expect(service).not.toHaveProperty('on_down');
    expect(serviceOf('    on_down: keep')).toEqual(service);
    expect(serviceOf('    on_down: reset')).toEqual({ ...service, on_down: 'reset' });
  });

  it('is one of two words', () => {
    const result = parseConfig(file('    on_down: drop'), 'f');
    expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([
      'f:7:14: services[0].on_down: "drop" is not what to do with connections; expected one of keep, reset',
    ]);
  });
});
