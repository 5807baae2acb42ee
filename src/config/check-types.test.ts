/** The types of health checks beyond tcp and http: what a file says of them, and what it may not say. */
import { describe, expect, it } from 'vitest';
import { type Check, checkText } from '../core/model/check.ts';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const file = (check: string) => `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    checks: [${check}]
    servers: [{address: 192.168.1.101}]
`;

const common = { address: '192.168.1.101', port: 80, interval: 5_000, timeout: 2_000, rise: 2, fall: 3 };

function checkIn(check: string): Check {
  const result = parseConfig(file(check), 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return [...result.config.checks.values()][0]!.servers.get('192.168.1.101:80')![0]!;
}

/** What is wrong with the only check, without where it stands. */
function wrong(check: string): readonly string[] {
  const result = parseConfig(file(check), 'f');
  return result.ok ? [] : result.problems.map((one) => formatProblem(one).replace(/^.*?checks\[0\]\.?/, ''));
}

describe('an https check', () => {
  const request = { method: 'GET', path: '/', status: [[200, 299]] };

  it('verifies by default, by the name of its Host header', () => {
    const tls = { verify: true, certificate_days: 14 };
    const found = checkIn('{type: https}');
    expect(found).toEqual({ type: 'https', ...common, ...request, tls });
    expect(checkText(found)).toBe('https GET 192.168.1.101:80/');
    const named = (host: string, more = '') => checkIn(`{type: https, host: "${host}"${more}}`);
    expect(named('www.example.com:8443')).toMatchObject({ tls: { server_name: 'www.example.com' } });
    expect(named('a.example', ', tls: {server_name: b.example}')).toMatchObject({
      host: 'a.example',
      tls: { server_name: 'b.example' },
    });
    for (const host of ['192.0.2.1', '192.0.2.1:443', '[2001:db8::1]:443'])
      expect(named(host)).toMatchObject({ tls });
  });

  it('takes all that it is made of', () => {
    const files = { ca: '/etc/weir/ca.pem', cert: '/etc/weir/cert.pem', key: '/etc/weir/key.pem' };
    const tls = { ...files, verify: false, certificate_days: 30 };
    expect(checkIn(`{type: https, tls: ${JSON.stringify(tls)}}`)).toMatchObject({ tls });
  });

  it.each([
    ['{type: http, tls: {}}', 'tls: a key of https checks, and this one is http; expected type: https'],
    [
      '{type: https, tls: {cert: /a}}',
      'tls.cert: a certificate and its key go together; expected key beside it',
    ],
    [
      '{type: https, tls: {key: /a}}',
      'tls.key: a certificate and its key go together; expected cert beside it',
    ],
    [
      '{type: https, tls: {ca: ca.pem}}',
      'tls.ca: "ca.pem" is not a path of a file; expected a path that begins',
    ],
    [
      '{type: https, tls: {server_name: 192.0.2.1}}',
      'tls.server_name: "192.0.2.1" is not a name of a server',
    ],
    ['{type: https, tls: {verify: 1}}', 'tls.verify: 1 is not a yes or no; expected true or false'],
    ['{type: https, tls: {certificate_days: -1}}', 'tls.certificate_days: -1 is not a number of days'],
  ])('says what is wrong with %s', (check, problem) => {
    expect(wrong(check)).toEqual([expect.stringContaining(problem)]);
  });
});
