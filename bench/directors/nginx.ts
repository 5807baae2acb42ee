/** nginx's stream module: two connections for each of the client's, of TCP or UDP. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../src/lab/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { type Service, untilServing } from '../load/load.ts';
import { type Director, vip, vipPrefix } from './director.ts';

/** What `nginx -V` says (on standard error). */
export interface NginxBuild {
  readonly version: string;
  /** The file of the stream module, when it is not built in. */
  readonly module?: string;
}

/** Reads what `nginx -V` prints; throws a LabError when it was built without the stream module. */
export function parseNginxBuild(text: string): NginxBuild {
  const version = /^nginx version: (\S+)/m.exec(text)?.[1] ?? 'nginx of unknown version';
  const stream = /--with-stream(=dynamic)?(?=\s|$)/.exec(text);
  if (stream === null)
    throw new LabError(`${version} has no stream module; leave it out with --peers weir,nftables,haproxy`);
  if (stream[1] === undefined) return { version };
  const modules = /--modules-path=(\S+)/.exec(text)?.[1];
  const prefix = /--prefix=(\S+)/.exec(text)?.[1] ?? '/usr/local/nginx';
  return { version, module: join(modules ?? join(prefix, 'modules'), 'ngx_stream_module.so') };
}

/** The configuration: all processors, and the real servers in turn over all of them. */
export function nginxStreamConfig(
  directory: string,
  build: NginxBuild,
  service: Service,
  servers: readonly string[],
): string {
  // Datagrams of a client have to come to the process that holds its session, which is what reuseport does.
  const udp = service.protocol === 'udp' ? ' udp reuseport' : ' backlog=4096';
  return `${build.module === undefined ? '' : `load_module ${build.module};\n`}daemon off;
user root;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 16384; }
stream {
  upstream servers {
    zone servers 64k;
${servers.map((address) => `    server ${address}:${service.port};\n`).join('')}  }
  server {
    listen ${vip}:${service.port}${udp};
    proxy_pass servers;
    proxy_timeout 60s;
  }
}
`;
}

async function inspect(lab: Lab): Promise<NginxBuild> {
  const { code, stderr } = await lab.exec(lab.director, ['nginx', '-V']);
  if (code !== 0) throw new LabError(`nginx -V ended with ${code}: ${stderr.trim()}`);
  return parseNginxBuild(stderr);
}

/** nginx as a proxy of connections and datagrams. */
export function nginxStream(): Director {
  let running: LabProcess | undefined;
  return {
    name: 'nginx stream',
    protocols: ['tcp', 'udp'],
    version: async (lab) => (await inspect(lab)).version,
    async start(lab, load) {
      const directory = join(lab.runDir, 'nginx-director');
      const file = join(directory, 'nginx.conf');
      const servers = lab.servers.map((each) => each.ipv4);
      await mkdir(directory, { recursive: true });
      await writeFile(file, nginxStreamConfig(directory, await inspect(lab), load.service, servers));
      await lab.run(lab.director, ['ip', 'address', 'add', vipPrefix, 'dev', 'eth0']);
      const argv = ['nginx', '-p', directory, '-e', join(directory, 'error.log'), '-c', file];
      running = await lab.spawn(lab.director, argv);
      await untilServing(lab, load, running, vip);
    },
    target: () => vip,
    async stop(lab) {
      await running?.stop();
      running = undefined;
      await lab.run(lab.director, ['ip', 'address', 'del', vipPrefix, 'dev', 'eth0']);
    },
  };
}
