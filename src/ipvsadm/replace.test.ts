import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from '../core/address/address.ts';
import { ipvsServiceText } from '../dataplane/ipvs/codec/values.ts';
import { NAMES } from './names.fixture.ts';
import { parseCommand } from './parse.ts';
import { type Present, type RestoreStep, type Ruleset, restorePlan, rulesetOf } from './replace.ts';
import { readRules } from './rules.ts';

async function ruled(lines: readonly string[]) {
  const answer = await readRules(lines.join('\n'), {
    comments: true,
    parse: (argv) => parseCommand(argv, NAMES),
  });
  if ('mistake' in answer) throw new Error(answer.mistake.text);
  return rulesetOf(answer.rules);
}
const presentOf = ({ services, daemons }: Ruleset): Present => ({
  services: new Map([...services].map(([key, { service }]) => [key, service])),
  serversOf: async (id) => services.get(ipvsServiceText(id))!.servers,
  daemons,
});
const rulesetFrom = async (lines: readonly string[]): Promise<Ruleset> => (await ruled(lines)).ruleset;

async function plan(from: readonly string[], to: readonly string[]): Promise<readonly RestoreStep[]> {
  const steps: RestoreStep[] = [];
  for await (const step of restorePlan(await rulesetFrom(to), presentOf(await rulesetFrom(from))))
    steps.push(step);
  return steps;
}

/** What becomes of `from`, service by service; throws for a step that cannot be done. */
function apply(from: Ruleset, steps: readonly RestoreStep[]) {
  const services = new Map(
    [...from.services].map(([key, one]) => [key, { ...one, servers: new Map(one.servers) }]),
  );
  for (const step of steps) {
    if (step.kind === 'set' || step.kind === 'start-daemon' || step.kind === 'stop-daemon') continue;
    const key = ipvsServiceText('service' in step ? step.service.id : step.id);
    const known = services.get(key);
    expect(known !== undefined).toBe(step.kind !== 'add-service');
    if ('service' in step) services.set(key, { service: step.service, servers: known?.servers ?? new Map() });
    else if (step.kind === 'delete-service') services.delete(key);
    else {
      const server = formatEndpoint(step.server);
      expect(known!.servers.has(server)).toBe(step.kind !== 'add-server');
      if (step.kind === 'delete-server') known!.servers.delete(server);
      else known!.servers.set(server, step.server);
    }
  }
  return services;
}

describe('a restore', () => {
  it('does nothing where everything is as the rules say', async () => {
    const rules = ['-A -t 1.2.3.4:80 -p 9', '-a -t 1.2.3.4:80 -r 10.0.0.1:80 -m', '--start-daemon master'];
    expect(await plan(rules, rules)).toEqual([]);
  });

  it('adds before it removes', async () => {
    const steps = await plan(
      ['-A -t 1.2.3.4:80', '-a -t 1.2.3.4:80 -r 10.0.0.1:80 -m', '-A -u 1.2.3.4:53'],
      ['-A -t 1.2.3.4:80 -s rr', '-a -t 1.2.3.4:80 -r 10.0.0.2:80 -m', '-A -f 1'],
    );
    expect(steps.map(({ kind }) => kind)).toEqual([
      'edit-service',
      'add-server',
      'delete-server',
      'add-service',
      'delete-service',
    ]);
  });

  it('says what ip_vs would refuse, and goes on', async () => {
    const { ruleset, refusals } = await ruled([
      '-A -t 1.2.3.4:80',
      '-A -t 1.2.3.4:80',
      '-a -t 1.2.3.5:80 -r 10.0.0.1 -m',
      '-D -f 1',
      '-L',
      '-A -t 1.2.3.6:80',
    ]);
    expect(refusals).toEqual([
      { line: 2, text: 'Service already exists' },
      { line: 3, text: 'Service not defined' },
      { line: 4, text: 'No such service' },
      { line: 5, text: "'list' is nothing that can be restored" },
    ]);
    expect([...ruleset.services.keys()]).toEqual(['tcp 1.2.3.4:80', 'tcp 1.2.3.6:80']);
  });

  it('leads from anything to anything, and leaves no service without servers that has some at both ends', async () => {
    const server = fc.record({
      host: fc.integer({ min: 1, max: 4 }),
      weight: fc.integer({ min: 0, max: 2 }),
    });
    const service = fc.record({
      port: fc.integer({ min: 1, max: 4 }),
      scheduler: fc.constantFrom('rr', 'wlc'),
      servers: fc.uniqueArray(server, { maxLength: 4, selector: ({ host }) => host }),
    });
    const table = fc
      .uniqueArray(service, { maxLength: 4, selector: ({ port }) => port })
      .map((all) =>
        all.flatMap(({ port, scheduler, servers }) => [
          `-A -t 1.2.3.4:${port} -s ${scheduler}`,
          ...servers.map(({ host, weight }) => `-a -t 1.2.3.4:${port} -r 10.0.0.${host} -m -w ${weight}`),
        ]),
      );
    await fc.assert(
      fc.asyncProperty(table, table, async (from, to) => {
        const [before, after] = [await rulesetFrom(from), await rulesetFrom(to)];
        const steps = await plan(from, to);
        const result = apply(before, steps);
        expect(new Map([...result].sort())).toEqual(new Map([...after.services].sort()));
        const both = [...after.services].filter(
          ([key, { servers }]) => servers.size > 0 && (before.services.get(key)?.servers.size ?? 0) > 0,
        );
        for (let i = 0; i <= steps.length; i++) {
          const cut = apply(before, steps.slice(0, i));
          for (const [key] of both) expect(cut.get(key)!.servers.size).toBeGreaterThan(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});
