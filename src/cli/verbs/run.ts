/** `weir run`: the daemon. */
import { Option } from 'commander';
import type { RemoteOptions } from '../../api/remote.ts';
import { LOG_LEVELS, type LogLevel } from '../../observe/log.ts';
import { UsageError } from '../exit.ts';
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
    [
      'weir run --listen 192.0.2.1:8443 --tls-cert crt --tls-key key --token-file tok',
      'with the API over TCP',
    ],
    ['weir run -c lab.yaml --log-level debug', 'with another file, and talkative'],
  ],
  options(command) {
    command.addOption(
      new Option('--log-level <level>', 'least level to log').choices(LOG_LEVELS).default('info'),
    );
    command
      .option('--listen <address:port>', 'serve the API over TCP, too; needs the three below')
      .option('--tls-cert <file>', 'certificate (PEM) for --listen')
      .option('--tls-key <file>', 'its key (PEM), not readable by others')
      .option('--token-file <file>', 'the token that clients must show, readable by its owner alone');
  },
  async run({ options }, _operand, own) {
    const { run: runDaemon } = await import('../../daemon/run.ts');
    const { config, runDir, stateDir, pinDir } = options;
    const remote = remoteOf(own);
    const logLevel = own['logLevel'] as LogLevel;
    return runDaemon({ config, runDir, stateDir, pinDir, logLevel, ...(remote && { remote }) });
  },
};

/** Where to listen besides the control socket; throws UsageError where it would be without TLS or a token. */
function remoteOf(own: Readonly<Record<string, unknown>>): RemoteOptions | undefined {
  const [listen, cert, key, tokenFile] = ['listen', 'tlsCert', 'tlsKey', 'tokenFile'].map(
    (name) => own[name] as string | undefined,
  );
  if ([listen, cert, key, tokenFile].every((one) => one === undefined)) return undefined;
  if (listen === undefined || cert === undefined || key === undefined || tokenFile === undefined)
    throw new UsageError(
      'the API is served over TCP only with TLS and a token: --listen, --tls-cert, --tls-key and --token-file go together',
    );
  return { listen, cert, key, tokenFile };
}
