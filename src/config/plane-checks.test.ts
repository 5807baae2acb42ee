import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const BASE = 'director: {public: eth0, private: eth1}\n';
const service = (text: string) =>
  `services:\n  - {protocol: tcp, address: 203.0.113.1, servers: []${text === '' ? '' : `, ${text}`}}\n`;

function problems(text: string, running?: 'bpf' | 'ipvs'): string[] {
  const result = parseConfig(text, 'weir.yaml', running);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('what ip_vs cannot do', () => {
  it.each([
    [
      service('ports: [80, 443]'),
      /services\[0\]\.ports: ip_vs has no service of several ports; dataplane: bpf can/,
    ],
    [service('port: 80, no_server: drop'), /no_server: ip_vs answers a connection/],
    [
      service('port: 80, timeouts: {udp: 10s}'),
      /services\[0\]\.timeouts: ip_vs has the same time-outs for all/,
    ],
    [service('port: 80, persistence: {timeout: 1500ms}'), /persistence\.timeout: ip_vs counts in seconds/],
    [
      service('port: 80').replace('203.0.113.1,', '203.0.113.0/24,'),
      /address: ip_vs has no service of a prefix/,
    ],
    [
      `${service('port: 80')}timeouts: {close_wait: 10s}\n`,
      /timeouts\.close_wait: ip_vs's time-out of that state/,
    ],
    [`${service('port: 80')}timeouts: {udp: 10500ms}\n`, /timeouts\.udp: ip_vs counts in seconds/],
    [
      `${service('port: 80, sloppy_tcp: true')}  - {protocol: tcp, address: 203.0.113.1, port: 81, servers: []}\n`,
      /services\[0\]\.sloppy_tcp: ip_vs has one sloppy_tcp for all TCP services, and not all have it/,
    ],
  ])('is refused with the reason, and who can: %s', (text, reason) => {
    const found = problems(`dataplane: ipvs\n${BASE}${text}`);
    expect(found.join('\n')).toMatch(reason);
    expect(found.length).toBe(1);
    // Of `auto` nobody knows what it stands for, until somebody does.
    for (const dataplane of ['dataplane: auto\n', '']) {
      expect(problems(`${dataplane}${BASE}${text}`)).toEqual([]);
      expect(problems(`${dataplane}${BASE}${text}`, 'bpf')).toEqual([]);
      expect(problems(`${dataplane}${BASE}${text}`, 'ipvs').length).toBe(1);
    }
    expect(problems(`dataplane: bpf\n${BASE}${text}`, 'ipvs')).toEqual([]);
  });

  it('is nothing of what it can', () => {
    const text = `${service('port: 80, sloppy_tcp: true, persistence: {timeout: 90s}')}timeouts: {established: 10m}\n`;
    expect(problems(`dataplane: ipvs\n${BASE}${text}`)).toEqual([]);
  });

  it('is not looked for in a file that is no file', () => {
    for (const text of [
      'dataplane: ipvs',
      'dataplane: ipvs\nservices: {}',
      'dataplane: [ipvs]\nservices: [1]',
    ])
      expect(problems(text).length).toBeGreaterThan(0);
    expect(problems(`dataplane: ivps\n${BASE}services: []\n`).join()).toMatch(/ipvs/);
  });
});
