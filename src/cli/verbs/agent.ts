/** `weir agent`: the small agent of a real server. */
import { Option } from 'commander';
import type { AgentOptions } from '../../agent/run.ts';
import {
  familyOf,
  type Prefix,
  parseAddress,
  parseEndpoint,
  parsePrefix,
  widthOf,
} from '../../core/address/address.ts';
import { STATES, type State } from '../../core/agent/answer.ts';
import { SOURCES, type Source } from '../../core/agent/readings.ts';
import { LOG_LEVELS, type LogLevel } from '../../observe/log.ts';
import { EXIT, UsageError } from '../exit.ts';
import { print } from '../session.ts';
import type { Verb } from '../verb.ts';

/** Only this machine. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

export const agent: Verb = {
  name: 'agent',
  operands: '[command...]',
  group: 'Daemon:',
  summary: 'run on a real server: tell directors how much it takes',
  description:
    'Answers the agent checks of directors by one line: how much of its weight this server takes, in percent, by the least of what is ' +
    'measured, and what its operator wants of it. load: the load average of a minute per CPU. memory: all while a fifth of it is ' +
    'available, less below. queue: how long processes wait for a CPU. command: the percentage that the program after -- prints, ' +
    'run without a shell. It listens to this machine alone unless told otherwise, and then only to the --allow of it. ' +
    'With --state it runs nothing, but keeps what is wanted, which the agent that runs here tells: drain and maint until ready.',
  examples: [
    ['weir agent --listen 192.168.1.101:9999 --allow 192.168.1.1', 'for one director, by load and memory'],
    ['weir agent --by load,queue --floor 20', 'never less than a fifth'],
    ['weir agent --by command -- /usr/local/bin/free-slots --percent', 'by a program of your own'],
    ['weir agent --state drain --reason "new disks"', 'no new connections to this server'],
    ['weir agent --state ready', 'take that back'],
  ],
  options(command) {
    command
      .option('--listen <address:port>', 'where to listen', '127.0.0.1:9999')
      .option('--allow <address>', 'a director, or a network of them; may be given again', collect)
      .option('--by <sources>', `what to measure, of ${SOURCES.join(', ')}`, 'load,memory')
      .option('--floor <percent>', 'ask for no less than this by what is measured', '1')
      .option('--timeout <ms>', 'how long the command may take', '1000')
      .option('--state-file <file>', 'where what is wanted is kept', '/var/lib/weir-agent/state')
      .option('--proc <dir>', 'where the kernel’s figures are', '/proc')
      .addOption(new Option('--state <state>', 'keep what is wanted, and end').choices(STATES))
      .option('--reason <words>', 'why, with --state')
      .addOption(new Option('--log-level <level>', 'least level to log').choices(LOG_LEVELS).default('info'));
  },
  async run(session, _operand, own, operands) {
    const stateFile = own['stateFile'] as string;
    const state = own['state'] as State | undefined;
    const reason = own['reason'] as string | undefined;
    if (state === undefined) {
      if (reason !== undefined) throw new UsageError('--reason is only for --state');
      const options = agentOptions(own, operands);
      const { runAgent } = await import('../../agent/run.ts');
      return runAgent(options);
    }
    const { writeWanted } = await import('../../agent/state-file.ts');
    writeWanted(stateFile, { state, reason: reason ?? '' });
    await print(session, `${state}: directors are told at their next check\n`);
    return EXIT.done;
  },
};

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** What the command line asks for; throws UsageError for what makes no sense, and for an agent that would answer anybody. */
export function agentOptions(
  own: Readonly<Record<string, unknown>>,
  command: readonly string[],
): AgentOptions {
  const text = (name: string) => own[name] as string;
  const listen = parseEndpoint(text('listen'));
  if (listen === undefined)
    throw new UsageError(
      `--listen ${text('listen')} is no address and port; write 192.168.1.101:9999, no names`,
    );
  const allowed = own['allow'] as readonly string[] | undefined;
  const isLocal = listen.address === '::1' || listen.address.startsWith('127.');
  if (allowed === undefined && !isLocal)
    throw new UsageError(
      `who may ask at ${text('listen')}? Name the directors: --allow 192.168.1.1, again for each, or a network such as 192.168.1.0/24`,
    );
  const sources = text('by')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const unknown = sources.find((one) => !(SOURCES as readonly string[]).includes(one));
  if (unknown !== undefined || sources.length === 0)
    throw new UsageError(`--by: "${unknown ?? ''}" is none of ${SOURCES.join(', ')}`);
  const [program] = command;
  if (sources.includes('command') !== (program !== undefined))
    throw new UsageError('--by command and a program after -- go together: --by command -- /path/to/program');
  if (program?.startsWith('/') === false)
    throw new UsageError(`${program} is not the absolute path of a program`);
  return {
    listen,
    allow: (allowed ?? LOOPBACK).map(allowedPrefix),
    sources: [...new Set(sources)] as Source[],
    floor: numberOf('--floor', text('floor').replace(/%$/, ''), 0, 100),
    timeoutMs: numberOf('--timeout', text('timeout'), 10, 60_000),
    command,
    proc: text('proc'),
    stateFile: text('stateFile'),
    logLevel: own['logLevel'] as LogLevel,
  };
}

function allowedPrefix(text: string): Prefix {
  const address = parseAddress(text);
  const prefix = address ? { address, length: widthOf(familyOf(address)) } : parsePrefix(text);
  if (prefix === undefined)
    throw new UsageError(`--allow ${text} is neither an address nor a network such as 192.168.1.0/24`);
  return prefix;
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} ${text} is not a whole number from ${min} to ${max}`);
}
