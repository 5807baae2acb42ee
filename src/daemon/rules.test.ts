import { expect, it } from 'vitest';
import type { RuleChange } from '../core/model/rule.ts';
import { listRules, NO_RULES, type RuleOverrides, ruleSubject } from '../core/model/rule-override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type { Log } from '../observe/log.ts';
import { checkConfig, type ReadConfig } from './read-config.ts';
import { Rules } from './rules.ts';

const web = 'tcp 203.0.113.100:80' as ServiceKey;
const service = (port: number, servers: string) =>
  `  - {protocol: tcp, address: 203.0.113.100, port: ${port}, servers: [${servers}]}\n`;

function read(services: string, more = ''): ReadConfig {
  const text = `director: {public: eth0, private: eth1}\n${more}services:\n${services}`;
  const checked = checkConfig({ text, file: 'weir.yaml' }, 'bpf');
  if (!checked.ok) throw new Error(checked.problems.join('\n'));
  return checked;
}

const rule = { weight: 1, upper_threshold: 0, lower_threshold: 0, method: 'nat', tunnel: null } as const;
const added = (host: number, key = web): RuleChange => ({
  kind: 'add-server',
  service: key,
  server: `192.168.1.${host}:80`,
  rule,
});
const newService = (key: string): RuleChange => ({
  kind: 'add-service',
  service: key as ServiceKey,
  rule: { scheduler: 'rr', scheduler_flags: [], persistence: null, one_packet: false },
});

/** Overrides that are kept in memory, and what is told. */
function kept(save: (rules: RuleOverrides) => void = () => {}) {
  const told: string[] = [];
  const note = (event: string) => void told.push(event);
  const log = { info: note, warn: note } as unknown as Log;
  return { rules: new Rules({ file: { load: () => NO_RULES, save }, log }), told };
}

const file = read(service(80, '{address: 192.168.1.101}'));
const subjects = (rules: Rules) => listRules(rules.overrides).map(ruleSubject);

it('does what can be done, and says of the rest why not', () => {
  const { rules } = kept();
  const changes = [
    added(101),
    added(102),
    { ...added(103), server: '203.0.113.100:80' },
    added(104, 'tcp 203.0.113.9:80' as ServiceKey),
  ];
  const { over, refused } = rules.after(file, 'bpf', { changes });
  expect(refused).toEqual([
    { at: 0, code: 'EEXIST' },
    { at: 2, text: expect.stringContaining('virtual IP') },
    { at: 3, code: 'ESRCH' },
  ]);
  expect(over!.config.services[0]!.servers).toHaveLength(2);
  rules.keep(over!);
  expect(subjects(rules)).toEqual([`192.168.1.102:80 of ${web}`]);
  expect(rules.after(file, 'bpf', { changes, together: true }).over).toBeUndefined();
  expect(rules.after(file, 'bpf', { changes: [added(102)] })).toEqual({
    refused: [{ at: 0, code: 'EEXIST' }],
  });
});

it('changes nothing where overrides cannot be kept', () => {
  const { rules } = kept(() => {
    throw new Error('no room');
  });
  const { over } = rules.after(file, 'bpf', { changes: [added(102)] });
  expect(() => rules.keep(over!)).toThrow('no room');
  expect(subjects(rules)).toEqual([]);
});

it('drops, and tells, what another file leaves nothing of, or cannot be together with', () => {
  const { rules, told } = kept();
  const other = 'tcp 203.0.113.100:8080';
  const { over } = rules.after(file, 'bpf', {
    changes: [
      added(102),
      newService(other),
      added(103, other as ServiceKey),
      newService('tcp 203.0.113.100:81'),
    ],
    by: 'root',
  });
  rules.keep(over!);
  expect(told).toEqual([]);
  // Of these ports one is that of a service which was added: the file wins.
  const later = read(
    service(80, '{address: 192.168.1.102}') +
      '  - {protocol: tcp, address: 203.0.113.100, ports: [8080, 9000-9010], servers: []}\n',
  );
  const now = rules.over(later, 'bpf');
  expect(now.config.services.map(({ servers }) => servers.length)).toEqual([1, 0, 0]);
  expect(now.past.map(({ override, why }) => [ruleSubject(override), why])).toEqual([
    [`192.168.1.102:80 of ${web}`, 'the file says the same'],
    [`192.168.1.103:80 of ${other}`, 'what it changed is no longer in the file'],
    [other, expect.stringContaining('8080')],
  ]);
  expect(subjects(rules)).toHaveLength(4);
  rules.settle(now);
  expect(subjects(rules)).toEqual(['tcp 203.0.113.100:81']);
  expect(told).toEqual(['override_configured', 'override_dropped', 'override_dropped']);
});

it('holds the limits of the file over what is added', () => {
  const { rules } = kept();
  const small = read(service(80, ''), 'limits: {servers: 2}\n');
  const { refused } = rules.after(small, 'bpf', { changes: [1, 2, 3, 4].map((host) => added(host)) });
  expect(refused.map(({ at }) => at)).toEqual([2, 3]);
  expect(refused[0]!.text).toContain('limits.servers allows 2');
});
