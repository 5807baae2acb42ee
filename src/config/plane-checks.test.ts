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

  it('is not to forward by other methods than NAT, which bpf cannot', () => {
    const direct = service('port: 80, method: direct').replace(
      'servers: []',
      'servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 8080}, {address: 192.168.1.103, port: 8080, method: nat}]',
    );
    expect(problems(`dataplane: bpf\n${BASE}${direct}`)).toEqual([
      expect.stringMatching(
        /services\[0\]\.method: the bpf plane forwards by NAT alone; dataplane: ipvs can do direct/,
      ),
    ]);
    const port = /servers\[1\]\.port: a packet that goes on by direct keeps its port/;
    expect(problems(`dataplane: ipvs\n${BASE}${direct}`)).toEqual([expect.stringMatching(port)]);
    expect(problems(`${BASE}${direct}`)).toEqual([expect.stringMatching(port)]);
    const tunnel = service('port: 80').replace('[]', '[{address: 192.168.1.101, method: tunnel}]');
    const parsed = parseConfig(`${BASE}${tunnel}`, 'weir.yaml');
    expect(parsed.ok && parsed.config.services[0]!.servers).toMatchObject([{ port: 80, method: 'tunnel' }]);
    expect(problems(`${BASE}${tunnel}`, 'bpf')).toEqual([expect.stringMatching(/servers\[0\]\.method/)]);
  });
});
