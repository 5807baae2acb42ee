import { describe, expect, it } from 'vitest';
import { CHECK_TYPES, type Check, type ServiceChecks } from '../core/model/check.ts';
import { checkShape } from './check-schema.ts';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const TYPES = CHECK_TYPES.join(', ');
const KEYS = Object.keys(checkShape).join(', ');

/** A file with one service; `check` is in its list of checks, `more` among its keys, `server` among those of its server. */
function sample(check: string, { more = '', server = '', port = 80 } = {}): string {
  return `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: ${port}
${more}    checks: [${check}]
    servers:
      - {address: 192.168.1.101${server}}
      - {address: 192.168.1.102}
`;
}

function checksIn(text: string): ServiceChecks | undefined {
  const result = parseConfig(text, 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return [...result.config.checks.values()][0];
}

const checkIn = (text: string): Check => checksIn(text)!.servers.get('192.168.1.101:80')![0]!;

function wrong(text: string): readonly string[] {
  const result = parseConfig(text, 'f');
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('health checks in a file', () => {
  it('have their defaults filled in, and the target of each server', () => {
    const found = checksIn(sample('{type: tcp}'))!;
    expect(found).toMatchObject({ start_as: 'up', on_failure: 'remove' });
    expect([...found.servers]).toEqual(
      [101, 102].map((host) => [
        `192.168.1.${host}:80`,
        [
          {
            type: 'tcp',
            address: `192.168.1.${host}`,
            port: 80,
            interval: 5_000,
            timeout: 2_000,
            rise: 2,
            fall: 3,
          },
        ],
      ]),
    );
    expect(checkIn(sample('{type: http}'))).toMatchObject({
      method: 'GET',
      path: '/',
      status: [[200, 299]],
    });
    expect(checkIn(sample('{type: tcp, interval: 500ms}')).timeout).toBe(500);
  });

  it('take all that they are made of', () => {
    const http =
      '{type: http, interval: 1m, timeout: 30s, rise: 1, fall: 5, connect_address: 10.0.0.1, connect_port: 8080, source_address: 192.168.1.1, method: GET, path: "/h?a=1", host: "a.example:80", status: [200, 300-302], body: {contains: ok, regex: "^a.b$", digest: D41D8CD98F00B204E9800998ECF8427E}}';
    expect(checkIn(sample(http))).toEqual({
      type: 'http',
      address: '10.0.0.1',
      port: 8080,
      source: '192.168.1.1',
      interval: 60_000,
      timeout: 30_000,
      rise: 1,
      fall: 5,
      method: 'GET',
      path: '/h?a=1',
      host: 'a.example:80',
      status: [
        [200, 200],
        [300, 302],
      ],
      body: { contains: 'ok', regex: '^a.b$', digest: 'd41d8cd98f00b204e9800998ecf8427e' },
    });
  });

  it("are a server's own where it has some, and none where it has an empty list", () => {
    const own = checksIn(sample('{type: tcp}', { server: ', checks: [{type: tcp, connect_port: 99}]' }))!;
    expect(own.servers.get('192.168.1.101:80')).toMatchObject([{ port: 99 }]);
    expect(own.servers.get('192.168.1.102:80')).toMatchObject([{ port: 80 }]);
    expect([...checksIn(sample('{type: tcp}', { server: ', checks: []' }))!.servers.keys()]).toEqual([
      '192.168.1.102:80',
    ]);
    expect(checksIn(sample(''))).toBeUndefined();
  });

  it.each([
    [
      '{type: tpc}',
      {},
      `f:6:21: services[0].checks[0].type: "tpc" is not a type of check; expected one of ${TYPES}; did you mean "tcp"?`,
    ],
    ['{interval: 1s}', {}, `f:6:14: services[0].checks[0].type: missing; expected one of ${TYPES}`],
    [
      '{type: tcp, interval: 5}',
      {},
      'f:6:36: services[0].checks[0].interval: 5 has no unit; expected numbers with the units d, h, m, s, ms, such as 90s or 1h30m; did you mean "5s"?',
    ],
    [
      '{type: tcp, interval: 10ms}',
      {},
      'f:6:36: services[0].checks[0].interval: "10ms" is too short; expected 100ms to 1d',
    ],
    [
      '{type: tcp, interval: 1s, timeout: 2s}',
      {},
      'f:6:49: services[0].checks[0].timeout: 2s is longer than the interval; expected at most 1s, or a longer interval',
    ],
    [
      '{type: tcp, path: /x}',
      {},
      'f:6:26: services[0].checks[0].path: a key of http and https checks, and this one is tcp; expected type: http or https, or no such key',
    ],
    [
      '{type: http, path: health}',
      {},
      'f:6:33: services[0].checks[0].path: "health" is not a path; expected text that begins with "/", without white space, such as /health?deep=1',
    ],
    [
      '{type: http, status: 299-200}',
      {},
      'f:6:35: services[0].checks[0].status: "299-200" is not a status, a range of them or a list of these; expected statuses from 100 to 599, such as 200, 200-299 or [200, 301-302]',
    ],
    [
      '{type: http, body: {regex: "("}}',
      {},
      'f:6:41: services[0].checks[0].body.regex: "(" is not a regular expression: unterminated group; expected an ECMAScript pattern without slashes around it',
    ],
    [
      '{type: http, body: {}}',
      {},
      'f:6:27: services[0].checks[0].body: nothing is expected; expected contains, regex or digest',
    ],
    [
      '{type: http, method: HEAD, body: {contains: a}}',
      {},
      'f:6:41: services[0].checks[0].body: an answer to HEAD has no body; expected method: GET',
    ],
    [
      '{type: tcp, source_address: "fd00::1"}',
      {},
      'f:6:42: services[0].checks[0].source_address: fd00::1 is IPv6, but what is checked is IPv4; expected an IPv4 address',
    ],
    [
      '{type: tcp, fall: 0}',
      {},
      'f:6:32: services[0].checks[0].fall: 0 is not a number of results; expected a whole number from 1 to 100',
    ],
    [
      '{type: tcp, retry: 3}',
      {},
      `f:6:26: services[0].checks[0].retry: unknown key; expected one of ${KEYS}`,
    ],
    [
      '{type: tcp}',
      { port: 0, more: '    persistence: {}\n' },
      'f:7:14: services[0].checks[0]: a service of every port does not say which one to check; expected the key connect_port',
    ],
  ] as const)('say what is wrong with %s', (check, more, problem) => {
    expect(wrong(sample(check, more))).toEqual([problem]);
  });

  it('may have feedback, with bounds and smoothing, of those that give figures', () => {
    const feedback = (words: string, type = 'agent') =>
      sample(`{type: ${type}, feedback: ${words}}`, { more: '    scheduler: wrr\n' });
    expect(checkIn(feedback('{}'))).toMatchObject({
      feedback: { floor: 10, ceiling: 100, smoothing: 10_000 },
    });
    expect(checkIn(feedback('{floor: 5%, ceiling: 80%, smoothing: 0s}'))).toMatchObject({
      feedback: { floor: 5, ceiling: 80, smoothing: 0 },
    });
    expect(checkIn(sample('{type: agent}'))).not.toHaveProperty('feedback');
    expect(wrong(feedback('{floor: 50%, ceiling: 20%}'))).toEqual([
      'f:7:28: services[0].checks[0].feedback: the floor, 50%, is above the ceiling, 20%; expected a floor that is at most the ceiling',
    ]);
    // Found out also while something else is wrong.
    expect(wrong(feedback('{floor: 50%, ceiling: 20%, smoothing: 2h}'))).toEqual([
      'f:7:28: services[0].checks[0].feedback: the floor, 50%, is above the ceiling, 20%; expected a floor that is at most the ceiling',
      'f:7:76: services[0].checks[0].feedback.smoothing: "2h" is too long; expected 0s to 1h',
    ]);
    expect(wrong(feedback('{floor: 0%}'))).toEqual([
      'f:7:46: services[0].checks[0].feedback.floor: "0%" is not a share; expected a whole number from 1 to 100 with the sign %, such as 50%',
    ]);
    expect(wrong(feedback('{}', 'tcp'))).toEqual([
      'f:7:26: services[0].checks[0].feedback: a key of agent and exec checks, and this one is tcp; expected type: agent or exec, or no such key',
    ]);
    expect(wrong(sample('{type: agent, feedback: {}}', { more: '    scheduler: rr\n' }))).toEqual([
      'f:7:28: services[0].checks[0].feedback: the scheduler rr does not go by weights; expected one that does, such as wlc or wrr',
    ]);
  });

  it('may have slow start, where the scheduler goes by weights', () => {
    const parsed = parseConfig(sample('', { more: '    slow_start: 1m\n' }), 'f');
    expect(parsed.ok && [...parsed.config.slowStarts]).toEqual([
      ['tcp 203.0.113.100:80', { duration: 60_000, steps: 20 }],
    ]);
    expect(wrong(sample('', { more: '    slow_start: 1m\n    scheduler: lc\n' }))).toEqual([
      'f:6:5: services[0].slow_start: the scheduler lc does not go by weights; expected one that does, such as wlc or wrr',
    ]);
    const stepped = parseConfig(sample('', { more: '    slow_start: 1m\n    slow_start_steps: 4\n' }), 'f');
    expect(stepped.ok && [...stepped.config.slowStarts.values()]).toEqual([{ duration: 60_000, steps: 4 }]);
    expect(wrong(sample('', { more: '    slow_start_steps: 4\n' }))).toEqual([
      'f:6:5: services[0].slow_start_steps: nobody starts slowly here; expected the key slow_start beside it',
    ]);
  });

  it('may have a panic threshold', () => {
    const more = '    panic_threshold: 50%\n';
    expect(checksIn(sample('{type: tcp}', { more }))!.panic_threshold).toBe(50);
    expect(checksIn(sample('{type: tcp}'))).not.toHaveProperty('panic_threshold');
    expect(wrong(sample('{type: tcp}', { more: more.replace('50%', '50') }))).toEqual([
      'f:6:22: services[0].panic_threshold: 50 has no sign; expected a whole number from 1 to 100 with the sign %, such as 50%; did you mean "50%"?',
    ]);
    expect(wrong(sample('{type: tcp}', { more: more.replace('50%', '101%') }))).toHaveLength(1);
    expect(wrong(sample('', { more }))).toEqual([
      'f:6:5: services[0].panic_threshold: nobody is ever down here; expected the key checks beside it',
    ]);
  });

  it('may have flap damping', () => {
    const more = '    flap_damping: {downs: 5, within: 2m, calm: 30s}\n';
    const rule = { downs: 5, within: 120_000, calm: 30_000 };
    expect(checksIn(sample('{type: tcp}', { more }))!.flap_damping).toEqual(rule);
    const defaults = { downs: 3, within: 300_000, calm: 120_000 };
    const plain = '    flap_damping: {}\n';
    expect(checksIn(sample('{type: tcp}', { more: plain }))!.flap_damping).toEqual(defaults);
    expect(checksIn(sample('{type: tcp}'))).not.toHaveProperty('flap_damping');
    expect(wrong(sample('{type: tcp}', { more: more.replace('5', '1') }))).toEqual([
      'f:6:27: services[0].flap_damping.downs: 1 is not a number of times; expected a whole number from 2 to 16',
    ]);
    expect(wrong(sample('', { more }))).toEqual([
      'f:6:5: services[0].flap_damping: nobody is ever down here; expected the key checks beside it',
    ]);
  });

  it('may have a quorum', () => {
    const more = '    quorum: 3\n    hysteresis: 1\n';
    expect(checksIn(sample('{type: tcp}', { more }))!.quorum).toEqual({ quorum: 3, hysteresis: 1 });
    expect(checksIn(sample('{type: tcp}'))).not.toHaveProperty('quorum');
    expect(wrong(sample('{type: tcp}', { more: more.replace('1', '3') }))).toEqual([
      'f:7:17: services[0].hysteresis: 3 is not less than the quorum; expected a whole number from 0 to 2',
    ]);
    expect(wrong(sample('{type: tcp}', { more: '    hysteresis: 1\n' }))).toEqual([
      expect.stringContaining('1 is not less than the quorum; expected the key quorum beside it'),
    ]);
    expect(wrong(sample('', { more }))).toEqual([
      'f:6:5: services[0].quorum: nobody is ever down here; expected the key checks beside it',
    ]);
  });

  it('are looked at in servers too', () => {
    expect(
      wrong(sample('{type: tcp}', { server: ', checks: [{type: tcp, host: a, interval: 1s, timeout: 3s}]' })),
    ).toEqual([
      expect.stringContaining(
        'f:8:55: services[0].servers[0].checks[0].host: a key of http and https checks',
      ),
      expect.stringContaining('services[0].servers[0].checks[0].timeout: 3s is longer'),
    ]);
  });
});
