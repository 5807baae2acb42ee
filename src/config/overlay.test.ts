import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes, formatEndpoint } from '../core/address/address.ts';
import {
  type RuleChange,
  serverRule as ruleOfServer,
  serviceRule as ruleOfService,
} from '../core/model/rule.ts';
import { afterChanges } from '../core/model/rule-change.ts';
import { listRules, NO_RULES, type RuleOverrides, rebase, rulesOf } from '../core/model/rule-override.ts';
import { flagsOf, SCHEDULERS, type ServiceKey, serviceKey } from '../core/model/service.ts';
import { layWhatFits, overlayOf } from './overlay.ts';
import { parseConfig, valuesIn } from './parse.ts';
import { editsOf } from './rule-edits.ts';
import { writeEdits } from './write-edits.ts';

const SAID = { since: '2026-11-22T14:00:00.000Z', by: 'root' };

/** Spellings of the same thing by different hands. */
const FILES = [
  `# head
dataplane: bpf   # ours
director: {public: eth0, private: eth1}
services:
  # one
  - protocol: tcp
    address: 203.0.113.1
    port: 80
    persistence: {timeout: 5m, expire_quiescent_template: true}   # a while
    servers:
      - {address: 192.168.1.1, weight: 3}   # big
      # small
      - address: 192.168.1.2

  # two
  - protocol: udp
    address: 203.0.113.1
    port: 53
    scheduler: sh
    scheduler_flags: [sh-port]
    servers: []   # none yet
`,
  `{"director": {"public": "eth0", "private": "eth1"}, "services": [{"protocol": "tcp", "address": "203.0.113.1", "port": 80, "servers": [{"address": "192.168.1.1", "port": 80}]}]}
`,
  `director:
    public: eth0
    private: eth1
services:
-   protocol: tcp
    address: 203.0.113.1
    port: 80
    servers: &web
    -   address: 192.168.1.1
        upper_threshold: 50
        lower_threshold: 20
-   protocol: tcp
    address: 203.0.113.2
    port: 80
    servers: *web
`,
  `dataplane: ipvs
director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.1
    port: 80
    method: tunnel
    tunnel: {type: gre}   # by hand
    persistence: {timeout: 5m}
    servers:
      - {address: 192.168.1.1}
      - {address: 192.168.1.2, method: nat}
  - fwmark: 7
    servers: []
`,
] as const;

const key = fc.constantFrom(
  'tcp 203.0.113.1:80',
  'tcp 203.0.113.1:80',
  'tcp 203.0.113.1:80',
  'udp 203.0.113.1:53',
  'fwmark 7',
  'fwmark 8 IPv6',
  'tcp 203.0.113.2:80',
) as fc.Arbitrary<ServiceKey>;
const server = fc
  .record({ host: fc.integer({ min: 1, max: 3 }), port: fc.constantFrom(80, 53) })
  .map(({ host, port }) =>
    formatEndpoint({ address: addressFromBytes(Uint8Array.of(192, 168, 1, host)), port }),
  );
const serviceRule = fc
  .record({
    scheduler: fc.constantFrom(...SCHEDULERS),
    persistence: fc.constantFrom(
      null,
      { timeout: 300_000, granularity: 32 },
      { timeout: 60_000, granularity: 24 },
      { timeout: 60_000, granularity: 24, engine: 'sip' as const },
    ),
    one_packet: fc.constantFrom(false, false, false, true),
  })
  .chain((rule) =>
    fc.subarray([...flagsOf(rule.scheduler)]).map((scheduler_flags) => ({ ...rule, scheduler_flags })),
  );
const serverRule = fc
  .record({
    weight: fc.integer({ min: 0, max: 3 }),
    upper_threshold: fc.constantFrom(0, 50),
    lower_threshold: fc.constantFrom(0, 20),
    method: fc.constantFrom('nat', 'direct', 'tunnel'),
    tunnel: fc.constantFrom(null, { type: 'gre' }, { type: 'gue', port: 6080, checksum: 'remote' }),
  })
  .map((rule) => (rule.method === 'tunnel' ? rule : { ...rule, tunnel: null }));
/** Edits most of all: what is deleted, or flushed, tells little. */
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('edit-service', 'edit-service', 'add-service'),
      service: key,
      rule: serviceRule,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('add-server', 'edit-server'),
      service: key,
      server,
      rule: serverRule,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete-server'), service: key, server }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-service'), service: key }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' }) },
) as fc.Arbitrary<RuleChange>;
const changes = fc.array(change, { maxLength: 12 });

function read(text: string) {
  const parsed = parseConfig(text, 'weir.yaml', 'bpf');
  if (!parsed.ok) throw new Error(`${text}\n${parsed.problems.map(({ message }) => message).join('\n')}`);
  return parsed.config;
}

/** A file, and overrides over it that can be in force. */
function laid(text: string, list: readonly RuleChange[]) {
  const config = read(text);
  const lay = overlayOf({ text, config, running: 'bpf' });
  const { overrides } = afterChanges(config.services, NO_RULES, list, SAID);
  const fit = layWhatFits(lay, overrides);
  return { ...fit, overrides: rebase(config.services, fit.overrides).overrides, base: config, lay };
}

const written = (text: string, overrides: RuleOverrides): string =>
  writeEdits(text, editsOf(valuesIn(text), read(text).services, overrides));

describe('overrides over a file', () => {
  it.each(FILES)('are nothing where there are none', (text) => {
    const { lay, base } = laid(text, []);
    expect(lay(NO_RULES)).toEqual({ ok: true, config: base });
    expect(written(text, NO_RULES)).toBe(text);
  });

  it('written into the file say what they said over it, and are overrides no longer', () => {
    fc.assert(
      fc.property(fc.constantFrom(FILES[0], FILES[1], FILES[3]), changes, (text, list) => {
        const { config, overrides } = laid(text, list);
        const after = written(text, overrides);
        expect(read(after)).toEqual(config);
        expect(listRules(rebase(config.services, overrides).overrides)).toEqual([]);
        const kept = text.split('\n').filter((line) => /^(#|dataplane|director)/.test(line));
        for (const line of kept) expect(after.split('\n')).toContain(line);
      }),
      { numRuns: 200 },
    );
  });

  it('are the same whatever way led to them, and in whatever steps', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FILES), changes, changes, (text, some, more) => {
        const { services } = read(text);
        const first = afterChanges(services, NO_RULES, some, SAID).overrides;
        const stepwise = afterChanges(services, first, more, SAID).overrides;
        const atOnce = afterChanges(services, NO_RULES, [...some, ...more], SAID).overrides;
        const sorted = (of: RuleOverrides) =>
          listRules(of)
            .map((one) => JSON.stringify(one))
            .sort();
        expect(sorted(stepwise)).toEqual(sorted(atOnce));
        // What is based on the file stays so.
        expect(rebase(services, stepwise)).toEqual({ overrides: stepwise, lapsed: [] });
      }),
    );
  });

  it('give the file’s own services back where those are restored', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FILES), changes, (text, some) => {
        const { services } = read(text);
        const { overrides } = afterChanges(services, NO_RULES, some, SAID);
        const own = services.flatMap((one): RuleChange[] => {
          const service = serviceKey(one);
          return [
            { kind: 'add-service', service, rule: ruleOfService(one) },
            ...one.servers.map(
              (server): RuleChange => ({
                kind: 'add-server',
                service,
                server: formatEndpoint(server),
                rule: ruleOfServer(server),
              }),
            ),
          ];
        });
        expect(afterChanges(services, overrides, [{ kind: 'flush' }, ...own], SAID)).toEqual({
          overrides: NO_RULES,
          refused: new Map(),
        });
      }),
    );
  });
});

describe('overrides', () => {
  const web = 'tcp 203.0.113.1:80' as ServiceKey;
  const nat = (weight: number) => ({
    weight,
    upper_threshold: 0,
    lower_threshold: 0,
    method: 'nat' as const,
    tunnel: null,
  });
  const added = (one: string, weight = 1): RuleChange => ({
    kind: 'add-server',
    service: web,
    server: one,
    rule: nat(weight),
  });

  it('that cannot be in force are left, with the reason, and the others are not', () => {
    const { config, left } = laid(FILES[0], [
      added('192.168.1.9:80'),
      added('203.0.113.1:80'),
      added('192.168.1.8:80', 70_000),
      added('192.168.1.7:80'),
    ]);
    expect(config.services[0]!.servers.map(({ address }) => address)).toEqual(
      [1, 2, 9, 7].map((host) => `192.168.1.${host}`),
    );
    expect(left.map(({ why }) => why)).toEqual([
      expect.stringContaining('is a virtual IP of this director'),
      expect.stringContaining('70000 is not a weight'),
    ]);
  });

  it('of a service that is no longer in the file go, and what was added stays', () => {
    const { services } = read(FILES[0]);
    const { overrides } = afterChanges(
      services,
      NO_RULES,
      [
        added('192.168.1.9:80'),
        { kind: 'edit-server', service: web, server: '192.168.1.1:80', rule: nat(7) },
        { kind: 'delete-server', service: web, server: '192.168.1.2:80' },
        {
          kind: 'add-service',
          service: 'tcp 203.0.113.9:25' as ServiceKey,
          rule: { scheduler: 'rr', scheduler_flags: [], persistence: null, one_packet: false },
        },
      ],
      SAID,
    );
    const [other] = services.filter((one) => serviceKey(one) !== web);
    const without = rebase([other!], overrides);
    expect(listRules(without.overrides).map(({ service }) => service)).toEqual(['tcp 203.0.113.9:25']);
    expect(without.lapsed.map(({ why }) => why)).toEqual(['gone', 'gone', 'gone']);
    // A service without these servers: one is as it was to be, one is nowhere.
    const empty = rebase([{ ...services[0]!, servers: [] }], overrides);
    expect(empty.lapsed.map(({ why }) => why).sort()).toEqual(['configured', 'gone']);
    expect(listRules(empty.overrides)).toHaveLength(2);
  });

  it('are the difference alone: what else the file says of a server comes through', () => {
    const text = FILES[0].replace('weight: 3', 'weight: 3, upper_threshold: 9');
    const { config } = laid(FILES[0], []);
    const { overrides } = afterChanges(
      config.services,
      NO_RULES,
      [{ kind: 'edit-server', service: web, server: '192.168.1.1:80', rule: nat(7) }],
      SAID,
    );
    const later = overlayOf({ text, config: read(text), running: 'bpf' })(overrides);
    expect(later.ok && later.config.services[0]!.servers[0]).toMatchObject({ weight: 7, upper_threshold: 9 });
  });

  it('are written where an alias stands by a copy, and where an anchor does not say something else', () => {
    const { services } = read(FILES[2]);
    const second = afterChanges(
      services,
      NO_RULES,
      [{ kind: 'delete-server', service: 'tcp 203.0.113.2:80' as ServiceKey, server: '192.168.1.1:80' }],
      SAID,
    ).overrides;
    const text = written(FILES[2], second);
    expect(read(text).services.map(({ servers }) => servers.length)).toEqual([1, 0]);
    expect(text).toContain('&web');
    expect(text.split('\n').slice(0, -5)).toEqual(FILES[2].split('\n').slice(0, -5));
    const first = rulesOf(
      listRules(afterChanges(services, NO_RULES, [added('192.168.1.9:80')], SAID).overrides),
    );
    // The daemon looks what the text means before it writes it.
    expect(read(written(FILES[2], first)).services.map(({ servers }) => servers.length)).toEqual([2, 2]);
  });
});
