/** `weir run`: the daemon. */
import { Option } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../../observe/log.ts';
import type { Verb } from '../verb.ts';

export const run: Verb = {
  name: 'run',
  group: 'Daemon:',
  summary: 'run the director in the foreground',
  description:
    'Makes the host and the data plane as the configuration says and keeps them so. SIGHUP reloads the file; ' +
    'SIGTERM ends the daemon and leaves the traffic running (`weir down` ends that too).',
  examples: [
    ['weir run', 'with /etc/weir/weir.yaml'],
    ['weir run -c lab.yaml --log-level debug', 'with another file, and talkative'],
  ],
  options(command) {
    command.addOption(
      new Option('--log-level <level>', 'least level to log').choices(LOG_LEVELS).default('info'),
    );
  },
  async run({ options }, _operand, own) {
    const { run: runDaemon } = await import('../../daemon/run.ts');
    const { config, runDir, stateDir, pinDir } = options;
    return runDaemon({ config, runDir, stateDir, pinDir, logLevel: own['logLevel'] as LogLevel });
  },
};
