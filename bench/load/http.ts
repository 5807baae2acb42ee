/** HTTP: nginx on the real servers, wrk on the client. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../src/lab/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import type { Load } from './load.ts';

/** What wrk reports. */
export interface WrkReport {
  readonly requests: number;
  /** Socket errors and answers other than 2xx and 3xx. */
  readonly errors: number;
}

function nginxConfig(directory: string, name: string): string {
  return `daemon off;
user root;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 80 backlog=4096;
    location / { return 200 "${name}\\n"; }
  }
}
`;
}

/** Asks each address once, over a connection of its own. */
const askScript = `Promise.all(process.argv.slice(1).map((address) =>
  fetch('http://' + address + '/', { headers: { connection: 'close' }, signal: AbortSignal.timeout(1000) }).then((answer) => answer.text())))
  .then((answers) => console.log(JSON.stringify(answers)), (error) => { console.error(String(error.cause ?? error)); process.exit(1); })`;

async function ask(lab: Lab, targets: readonly string[]): Promise<string[]> {
  const answers = await lab.run(lab.clients[0]!, [process.execPath, '-e', askScript, ...targets]);
  return (JSON.parse(answers) as string[]).map((answer) => answer.trim());
}

/** Starts an nginx that answers with its host's name, until the lab ends. */
export async function startNginx(lab: Lab, host: LabHost): Promise<void> {
  const directory = join(lab.runDir, `nginx-${host.name}`);
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  await writeFile(file, nginxConfig(directory, host.name));
  await lab.spawn(host, ['nginx', '-p', directory, '-e', join(directory, 'error.log'), '-c', file]);
}

async function startServers(lab: Lab): Promise<void> {
  for (const host of lab.servers) await startNginx(lab, host);
}

/** Reads what wrk 4 prints; throws a LabError when there is no count of requests in it. */
export function parseWrk(text: string): WrkReport {
  const requests = /^\s*(\d+) requests in /m.exec(text);
  if (requests === null) throw new LabError(`wrk printed no count of requests:\n${text}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const status = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const errors = [...(sockets?.slice(1) ?? []), status?.[1] ?? '0'].map(Number);
  return { requests: Number(requests[1]), errors: errors.reduce((sum, each) => sum + each, 0) };
}

/**
 * Makes each thread of wrk talk to one address of a list, in turn. Threads with one connection each are what keeps the
 * comparison fair: with several, those of plain routing would all lead to the same real server, whose answers would
 * come in batches that a balanced thread does not see.
 */
function wrkScript(targets: readonly string[]): string {
  return `local targets = { ${targets.map((address) => `"${address}"`).join(', ')} }
local count = 0
function setup(thread)
  thread.addr = wrk.lookup(targets[count % #targets + 1], "80")[1]
  thread:set("count", count)
  count = count + 1
end
`;
}

/**
 * Makes each thread of wrk open each of its connections to the next address of the list. Every balancer deals a
 * thread's connections out to all real servers; plain routing whose threads kept to one server each came out some
 * 5 % cheaper for that alone (thread and server wake each other on warm caches), and so did Weir with a service of one
 * server for each thread. `request` is called when a connection is open, before the next one is.
 */
function turningScript(targets: readonly string[]): string {
  return `${wrkScript(targets)}
local addresses = {}
local text
function init()
  for index, target in ipairs(targets) do addresses[index] = wrk.lookup(target, "80")[1] end
  text = wrk.format()
end
function request()
  count = count + 1
  wrk.thread.addr = addresses[count % #addresses + 1]
  return text
end
`;
}

/** Four connections to each real server: twelve in all keep two processors busy without long queues. */
const connections = 4;

function http(script: (targets: readonly string[]) => string, flags: readonly string[]): Load {
  return {
    service: { protocol: 'tcp', port: 80 },
    operation: 'request',
    serve: startServers,
    ask,
    async send(lab, targets, seconds) {
      const file = join(lab.runDir, 'wrk.lua');
      await writeFile(file, script(targets));
      const count = String(connections * targets.length);
      const argv = ['wrk', '-t', count, '-c', count, '-d', `${seconds}s`, '-s', file, ...flags];
      const timeout = seconds * 1000 + 20_000;
      const text = await lab.run(lab.clients[0]!, [...argv, `http://${targets[0]}/`], { timeout });
      const { requests, errors } = parseWrk(text);
      return { operations: requests, errors };
    },
  };
}

/** Requests over connections that stay. */
export function keepAlive(): Load {
  return http(wrkScript, []);
}

/** A connection for each request. */
export function shortConnections(): Load {
  return http(turningScript, ['-H', 'Connection: close']);
}
