/** Servers as Debian has them, for the checks to ask: own copies in a lab, each with ways of being unwell. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestAuthority } from '../../src/checks/servers.fixture.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import type { LabHost } from '../../src/lab/topology.ts';

/** What the name server is asked for, and what the certificates are for. */
export const NAME = 'www.example.com';
export const NAMES_ADDRESS = '192.0.2.80';

/** A server: `well` is how it is at first. */
export interface RealDaemon {
  readonly host: LabHost;
  start(): Promise<void>;
  stop(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** What can be wrong with it while it answers; each puts it into that state, `well` back. */
  readonly become: Readonly<Record<'well' | 'lying', () => Promise<void>>> & {
    readonly slow?: () => Promise<void>;
  };
}

/** Throws an Error that says what to do when a program is not there. */
export function needPrograms(...paths: readonly string[]): void {
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length > 0)
    throw new Error(`${missing.join(', ')} not found; run scripts/install-packages.sh --test`);
}

/** A process that can be started again. */
function restartable(lab: Lab, host: LabHost, argv: readonly string[], env: Record<string, string> = {}) {
  let running: LabProcess | undefined;
  return {
    host,
    async start() {
      running = await lab.spawn(host, argv, { title: `${argv[0]} on ${host.name}`, env });
    },
    async stop() {
      await running?.stop();
    },
    signal: (signal: NodeJS.Signals) => running?.signal(signal),
    get process() {
      return running!;
    },
  };
}

/** nginx: http on 8080 and https on 8443; `/health` says ok, `/letters` only `a`. */
export function nginx(lab: Lab, host: LabHost, dir: string, authority: TestAuthority): RealDaemon {
  mkdirSync(dir, { recursive: true });
  const { certFile, keyFile } = authority.sign('nginx', `DNS:${NAME}`, 90);
  // Longer than what limit_rate lets out in the time of a check.
  writeFileSync(join(dir, 'long'), `ok${' '.repeat(100_000)}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${dir}/${what};`)
    .join(' ');
  // Whether a file is there is looked at for each request: to read its configuration again nginx takes its time.
  const locations = `
    location = /health {
      if (-f ${dir}/lying) { return 200 "welcome to nginx\\n"; }
      if (-f ${dir}/slow) { rewrite ^ /long last; }
      return 200 "ok\\n";
    }
    location = /long { alias ${dir}/long; limit_rate 100; }
    location = /letters {
      if (-f ${dir}/lying) { return 200 "${'a'.repeat(40)}!"; }
      return 200 "aaaa\\n";
    }`;
  writeFileSync(
    join(dir, 'nginx.conf'),
    `user root; daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
events {}
http {
  access_log off; ${temporary}
  server { listen 8080; ${locations} }
  server { listen 8443 ssl; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile}; ${locations} }
}
`,
  );
  const mode =
    (...files: readonly string[]) =>
    async () => {
      for (const each of ['lying', 'slow']) rmSync(join(dir, each), { force: true });
      for (const each of files) writeFileSync(join(dir, each), '');
    };
  return {
    ...restartable(lab, host, ['/usr/sbin/nginx', '-e', `${dir}/error.log`, '-c', `${dir}/nginx.conf`]),
    become: { well: mode(), lying: mode('lying'), slow: mode('slow') },
  };
}

/** redis on 6379. */
export function redis(lab: Lab, host: LabHost, dir: string): RealDaemon {
  mkdirSync(dir, { recursive: true });
  const server = restartable(lab, host, [
    ...['/usr/bin/redis-server', '--port', '6379', '--bind', host.ipv4, '--protected-mode', 'no'],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--dir', dir],
  ]);
  const cli = async (...words: readonly string[]) => {
    await lab.run(host, ['redis-cli', '-h', host.ipv4, ...words]);
  };
  return {
    ...server,
    become: {
      // One that pauses answers nobody, whatever is asked.
      async well() {
        await server.stop();
        await server.start();
      },
      lying: () => cli('CONFIG', 'SET', 'requirepass', 'secret'),
      slow: () => cli('CLIENT', 'PAUSE', '60000', 'ALL'),
    },
  };
}

/** dnsmasq on 53, with one name of its own. */
export function dnsmasq(lab: Lab, host: LabHost, dir: string): RealDaemon {
  mkdirSync(dir, { recursive: true });
  const hosts = (address: string) => writeFileSync(join(dir, 'hosts'), `${address} ${NAME}\n`);
  hosts(NAMES_ADDRESS);
  const server = restartable(lab, host, [
    ...['/usr/sbin/dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts'],
    ...[`--addn-hosts=${dir}/hosts`, '--local=/example.com/', '--user=root', `--pid-file=${dir}/pid`],
    ...['--bind-interfaces', '--interface=eth0', '--log-facility=-'],
  ]);
  const become = (address: string) => async () => {
    hosts(address);
    server.signal('SIGHUP');
  };
  return { ...server, become: { well: become(NAMES_ADDRESS), lying: become('192.0.2.81') } };
}

/** aiosmtpd on a port, over TLS with a certificate. */
export function mail(
  lab: Lab,
  host: LabHost,
  {
    dir,
    port,
    certificate,
  }: { dir: string; port: number; certificate?: { certFile: string; keyFile: string } },
): RealDaemon {
  mkdirSync(dir, { recursive: true });
  const mode = (text: string) => async () => writeFileSync(join(dir, 'mode'), text);
  void mode('well')();
  writeFileSync(
    join(dir, 'checked_mail.py'),
    `import asyncio
class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        with open('${dir}/mode') as file:
            mode = file.read()
        if mode == 'slow':
            await asyncio.sleep(10)
        return ['554 no mail here'] if mode == 'lying' else responses
`,
  );
  const tls = certificate ? ['--smtpscert', certificate.certFile, '--smtpskey', certificate.keyFile] : [];
  const argv = ['/usr/bin/python3', '-m', 'aiosmtpd', '-n', '-l', `${host.ipv4}:${port}`, ...tls];
  const env = { PYTHONPATH: dir, PYTHONDONTWRITEBYTECODE: '1' };
  return {
    ...restartable(lab, host, [...argv, '-c', 'checked_mail.Handler'], env),
    become: { well: mode('well'), lying: mode('lying'), slow: mode('slow') },
  };
}

/** A gRPC health server on 50051, and over TLS on 50052. */
export function grpc(lab: Lab, host: LabHost, authority: TestAuthority): RealDaemon {
  const { certFile, keyFile } = authority.sign('grpc', `IP:${host.ipv4}`, 90);
  const argv = [
    process.execPath,
    '--import',
    'tsx',
    'test/lab/grpc-server.ts',
    '50051',
    '50052',
    certFile,
    keyFile,
  ];
  const server = restartable(lab, host, argv);
  const mode = (text: string) => async () => {
    server.process.send(text);
    await server.process.waitForLine((line) => line === text);
  };
  return { ...server, become: { well: mode('good'), lying: mode('lying'), slow: mode('slow') } };
}
