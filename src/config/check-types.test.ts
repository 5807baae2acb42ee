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
    [
      '{type: http, tls: {}}',
      'tls: a key of https, steps, smtp and grpc checks, and this one is http; expected type: https, steps, smtp or grpc, or',
    ],
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

describe('a steps check', () => {
  it('has bytes by the escapes of YAML, TLS only where it is asked for, and shows nothing that it sends', () => {
    const found = checkIn(
      '{type: steps, steps: [{send: "A\\x00\\xff\\r\\n", expect: "+"}, {regex: \'^\\xff\'}]}',
    );
    expect(found).toEqual({
      type: 'steps',
      ...common,
      steps: [{ send: 'A\x00\xff\r\n', expect: '+' }, { regex: '^\\xff' }],
    });
    expect(checkText(found)).toBe('steps 192.168.1.101:80');
    const safe = checkIn('{type: steps, tls: {}, steps: [{expect: "a"}]}');
    expect(safe).toMatchObject({ tls: { verify: true, certificate_days: 14 } });
    expect(checkText(safe)).toBe('steps 192.168.1.101:80 over TLS');
  });

  it.each([
    ['{type: steps}', 'steps: missing; expected the key steps'],
    ['{type: steps, steps: []}', 'steps: the list is empty; expected a list of 1 to 16 steps'],
    [
      '{type: steps, steps: [{}, {expect: a}]}',
      'steps[0]: this step does nothing; expected send, expect or regex',
    ],
    [
      '{type: steps, steps: [{send: a}]}',
      'steps: no answer is expected; expected expect or regex in one step',
    ],
    [
      '{type: steps, steps: [{send: "pass€", expect: a}]}',
      'steps[0].send: what is here is not a text of bytes',
    ],
    [
      '{type: steps, steps: [{send: 123456, expect: a}]}',
      'steps[0].send: what is here is not a text of bytes',
    ],
    ['{type: steps, steps: [{regex: "("}]}', 'steps[0].regex: "(" is not a regular expression'],
    ['{type: tcp, steps: [{expect: a}]}', 'steps: a key of steps checks, and this one is tcp'],
  ])('says what is wrong with %s', (check, problem) => {
    const found = wrong(check);
    expect(found).toEqual([expect.stringContaining(problem)]);
    expect(found.join()).not.toMatch(/pass€|123456/);
  });
});

it('smtp, udp and agent checks take what they are made of', () => {
  expect(checkIn('{type: smtp}')).toEqual({ type: 'smtp', ...common });
  expect(checkIn('{type: smtp, helo_name: a.example, tls: {verify: false}}')).toEqual({
    type: 'smtp',
    ...common,
    helo_name: 'a.example',
    tls: { verify: false, certificate_days: 14 },
  });
  expect(checkIn('{type: udp}')).toEqual({ type: 'udp', ...common });
  expect(checkIn('{type: udp, send: a, expect: b, regex: c}')).toEqual({
    ...{ type: 'udp', ...common, send: 'a', expect: 'b', regex: 'c' },
  });
  expect(checkIn('{type: agent, send: "x\\n"}')).toEqual({ type: 'agent', ...common, send: 'x\n' });
  expect(checkText(checkIn('{type: agent, connect_port: 9999, send: secret}'))).toBe(
    'agent 192.168.1.101:9999',
  );
  expect(wrong('{type: agent, expect: a}')).toEqual([
    'expect: a key of udp checks, and this one is agent; expected type: udp, or no such key',
  ]);
  expect(wrong('{type: smtp, helo_name: "a\\r\\nRSET"}')).toEqual([
    expect.stringContaining('is not a name for EHLO'),
  ]);
});

describe('a dns check', () => {
  it('asks for an A record by default', () => {
    const found = checkIn('{type: dns, name: www.example.com.}');
    expect(found).toEqual({ type: 'dns', ...common, name: 'www.example.com', record: 'A', rcode: 'noerror' });
    expect(checkText(found)).toBe('dns www.example.com A 192.168.1.101:80');
    expect(checkIn('{type: dns, name: ".", record: NS, rcode: refused}')).toMatchObject({
      ...{ name: '.', record: 'NS', rcode: 'refused' },
    });
    expect(checkIn('{type: dns, name: a, answer: 192.0.2.1}')).toMatchObject({ answer: '192.0.2.1' });
  });

  it.each([
    ['{type: dns}', 'name: missing; expected the key name'],
    ['{type: dns, name: a..b}', 'name: "a..b" is not a name in DNS'],
    ['{type: dns, name: a, record: mx}', 'record: "mx" is not a kind of record'],
    ['{type: dns, name: a, rcode: NXDOMAIN}', 'rcode: "NXDOMAIN" is not a result of DNS'],
    ['{type: tcp, name: a}', 'name: a key of dns checks, and this one is tcp'],
  ])('says what is wrong with %s', (check, problem) => {
    expect(wrong(check)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('an exec check', () => {
  it('has a command, of which only the program is shown', () => {
    const found = checkIn('{type: exec, command: [/bin/check, --password, hunter2, "{address}"]}');
    expect(found).toMatchObject({
      type: 'exec',
      command: ['/bin/check', '--password', 'hunter2', '{address}'],
    });
    expect(checkText(found)).toBe('exec /bin/check 192.168.1.101:80');
  });

  it.each([
    ['{type: exec}', 'command: missing; expected the key command'],
    ['{type: exec, command: []}', 'command: the list is empty'],
    ['{type: exec, command: [ping]}', 'command: what is here does not begin with the path of a program'],
    ['{type: exec, command: /bin/true}', 'command: what is here is not a command; expected a list'],
    ['{type: exec, command: [/bin/true, 1]}', 'command[1]: what is here is not a word of a command'],
  ])('says what is wrong with %s', (check, problem) => {
    expect(wrong(check)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('a ping check', () => {
  it('has no port, and is the same for all services of a server', () => {
    const found = checkIn('{type: ping}');
    expect(found).toEqual({ type: 'ping', ...common, port: 0, size: 56 });
    expect(checkText(found)).toBe('ping 192.168.1.101');
    expect(checkIn('{type: ping, size: 1472, connect_address: 192.168.1.9}')).toMatchObject({
      ...{ address: '192.168.1.9', size: 1_472 },
    });
    const anyPort = file('{type: ping}').replace('port: 80', 'port: 0\n    persistence: {timeout: 5m}');
    expect(parseConfig(anyPort, 'f')).toMatchObject({ ok: true });
    expect(parseConfig(anyPort.replace('ping', 'tcp'), 'f')).toMatchObject({ ok: false });
  });

  it.each([
    ['{type: ping, connect_port: 80}', 'connect_port: a key of tcp, http,'],
    ['{type: ping, size: 15}', 'size: 15 is not a size in bytes; expected a whole number from 16 to 65,507'],
    ['{type: tcp, size: 56}', 'size: a key of ping checks, and this one is tcp'],
  ])('says what is wrong with %s', (check, problem) => {
    expect(wrong(check)).toEqual([expect.stringContaining(problem)]);
  });
});

it('a grpc check asks for the server as a whole, or for a service', () => {
  expect(checkIn('{type: grpc}')).toEqual({ type: 'grpc', ...common, grpc_service: '' });
  const safe = checkIn('{type: grpc, grpc_service: shop.Cart, tls: {}}');
  expect(safe).toMatchObject({ grpc_service: 'shop.Cart', tls: { verify: true } });
  expect(checkText(safe)).toBe('grpc 192.168.1.101:80 over TLS');
  expect(wrong('{type: grpc, grpc_service: "a b"}')).toEqual([
    expect.stringContaining('is not a name of a gRPC service'),
  ]);
});
