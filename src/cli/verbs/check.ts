/** `weir check`: is the file good, and what does it describe? */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { paceText } from '../../core/health/explain.ts';
import { checkTextAt, type ServiceChecks } from '../../core/model/check.ts';
import type { Config } from '../../core/model/config.ts';
import { masqueradeKey, vipKey } from '../../core/model/host.ts';
import { serviceKey } from '../../core/model/service.ts';
import { EXIT } from '../exit.ts';
import { output, type Session, say } from '../session.ts';
import { clean, plural } from '../text.ts';
import type { Verb } from '../verb.ts';

/** The most entries of one kind that the summary names. */
const NAMED = 12;

/** What a good file describes, for programs. */
function summaryOf(config: Config) {
  return {
    interfaces: config.interfaces.map(({ name, side }) => ({ name, side })),
    vips: config.vips.map(vipKey),
    services: config.services.map((service) => ({
      key: serviceKey(service),
      scheduler: service.scheduler,
      ...(service.scheduler_flags && { scheduler_flags: service.scheduler_flags }),
      servers: service.servers.length,
      ...checksPart(config.checks.get(serviceKey(service))),
      ...(service.on_down && { on_down: service.on_down }),
    })),
    masquerade: config.masquerade.map(masqueradeKey),
    sysctls: Object.fromEntries(config.sysctls),
    limits: config.limits,
  };
}

/** `http GET :8080/health every 2s`, each kind once: the servers' addresses left out. */
function checksPart(checks: ServiceChecks | undefined): { readonly checks?: readonly string[] } {
  if (checks === undefined) return {};
  const kinds = [...checks.servers.values()]
    .flat()
    .map((check) => `${checkTextAt(check, check.port === 0 ? '' : `:${check.port}`)} ${paceText(check)}`);
  return { checks: [...new Set(kinds)] };
}

function summaryText({ style }: Session, file: string, config: Config): string {
  const summary = summaryOf(config);
  const parts: [string, readonly string[]][] = [
    ['interfaces', [summary.interfaces.map(({ name, side }) => `${name} (${side})`).join(', ')]],
    ['vips', summary.vips],
    [
      'services',
      summary.services.map((s) =>
        [
          `${s.key}  ${s.scheduler}`,
          ...(s.scheduler_flags ?? []),
          plural(s.servers, 'server'),
          ...(s.checks === undefined ? [] : [`checked by ${s.checks.join(' and ')}`]),
          ...(s.on_down === undefined ? [] : ['connections of a server that goes down are reset']),
        ].join(', '),
      ),
    ],
    ['masquerade', summary.masquerade],
    ['sysctls', Object.entries(summary.sysctls).map(([name, value]) => `${name} = ${value}`)],
  ];
  const count = (n: number) => n.toLocaleString('en');
  const { connections_ipv4: ipv4, connections_ipv6: ipv6 } = config.limits;
  parts.push(['limits', [`${count(ipv4)} IPv4 and ${count(ipv6)} IPv6 connections`]]);
  const lines = parts.flatMap(([title, entries]) => {
    const shown = entries.length === 0 ? ['none'] : entries.slice(0, NAMED);
    const more = entries.length > NAMED ? [`… and ${entries.length - NAMED} more`] : [];
    return [...shown, ...more].map((entry, at) => `  ${(at === 0 ? title : '').padEnd(12)}${clean(entry)}`);
  });
  return `${style.green('good')}  ${clean(file)}\n${lines.join('\n')}\n`;
}

/** What is to be looked at although the file is good: programs that are not there, or cannot be run. They may come later, or be on another host. */
function warningsOf({ notify }: Config): readonly string[] {
  return notify.flatMap(({ command: [program = ''] }, i) => {
    const where = `notify[${i}].command: ${program}`;
    try {
      if (!statSync(program).isFile()) return [`${where} is not a file`];
      accessSync(program, constants.X_OK);
      return [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return [`${where} is not there`];
      return [`${where} ${code === 'EACCES' ? 'is not executable' : `cannot be looked at: ${code}`}`];
    }
  });
}

export const check: Verb = {
  name: 'check',
  operands: '[file]',
  group: 'Configuration:',
  summary: 'say whether a configuration file is good',
  description:
    'Reads the file named (or the one given by -c) and prints every problem in it, or a summary of what it describes. ' +
    'Needs neither root nor a daemon nor the interfaces that the file names. Exits 0 for a good file and 5 for a bad one. ' +
    'That the program of a notify command is there and executable is only warned of.',
  examples: [
    ['weir check', 'the file that the daemon would read'],
    ['weir check new.yaml -o json', 'another one, for a program'],
  ],
  async run(session, operand) {
    // Loaded here: the other verbs start faster without the schema.
    const { parseConfig } = await import('../../config/parse.ts');
    const { formatProblems } = await import('../../config/problems.ts');
    const file = operand ?? session.options.config;
    const text = readFileSync(file, 'utf8');
    const result = parseConfig(text, file);
    if (result.ok) {
      const warnings = warningsOf(result.config);
      await output(session, { ok: true, file, ...summaryOf(result.config), warnings }, () =>
        summaryText(session, file, result.config),
      );
      for (const warning of warnings) await say(session, `warning: ${warning}`);
      return EXIT.done;
    }
    const { problems } = result;
    await output(session, { ok: false, file, problems }, () => '');
    await say(
      session,
      `${formatProblems(problems, text)}\n\n${plural(problems.length, 'problem')} in ${file}`,
    );
    return EXIT.refused;
  },
};
