/** The load: nginx on the real servers, wrk on the client. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { LabError } from '../src/lab/command.ts';
import type { Lab } from '../src/lab/lab.ts';
import type { LabProcess } from '../src/lab/process.ts';
import type { LabHost } from '../src/lab/topology.ts';
import type { Row } from './rows.ts';

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
  .then((answers) => console.log(JSON.stringify(answers)), () => process.exit(1))`;

/** Asks the addresses by HTTP from the client until all answer, and gives what they said; throws a LabError after ten tries. */
export async function untilAnswered(lab: Lab, targets: readonly string[]): Promise<string[]> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const result = await lab.exec(lab.clients[0]!, [process.execPath, '-e', askScript, ...targets]);
    if (result.code === 0) return (JSON.parse(result.stdout) as string[]).map((answer) => answer.trim());
    await wait(100);
  }
  throw new LabError(`no answer from ${[...new Set(targets)].join(', ')} on ${lab.clients[0]!.name}`);
}

/** Waits until a process serves HTTP at the address; throws a LabError with what it said when it ends instead. */
export async function untilServing(lab: Lab, server: LabProcess, address: string): Promise<void> {
  const early = server.ended.then((end) => {
    throw new LabError(`${server.title} ended (${end.signal ?? `code ${end.code}`}):\n${server.output()}`);
  });
  await Promise.race([untilAnswered(lab, [address]), early]);
}

async function startNginx(lab: Lab, host: LabHost): Promise<void> {
  const directory = join(lab.runDir, `nginx-${host.name}`);
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  await writeFile(file, nginxConfig(directory, host.name));
  await lab.spawn(host, ['nginx', '-p', directory, '-e', join(directory, 'error.log'), '-c', file]);
}

/** Starts nginx on every real server, and lets closed connections go soon on every host. */
export async function startServers(lab: Lab): Promise<void> {
  for (const host of [lab.director, ...lab.clients, ...lab.servers])
    await lab.sysctl(host, {
      'net.ipv4.ip_local_port_range': '1024 65535',
      // With thousands of short connections a second, ports held for 60 s each would run out and searching for
      // a free one would cost more each round.
      'net.ipv4.tcp_max_tw_buckets': 1000,
      'net.core.somaxconn': 4096,
    });
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
  count = count + 1
end
`;
}

/** Sends requests to the targets, over so many connections to each, for so many seconds. */
export async function sendLoad(
  lab: Lab,
  row: Row,
  targets: readonly string[],
  seconds: number,
): Promise<WrkReport> {
  const script = join(lab.runDir, 'wrk.lua');
  await writeFile(script, wrkScript(targets));
  const connections = String(row.connections * targets.length);
  const flags = ['-t', connections, '-c', connections, '-d', `${seconds}s`, '-s', script, ...row.flags];
  const timeout = seconds * 1000 + 20_000;
  return parseWrk(await lab.run(lab.clients[0]!, ['wrk', ...flags, `http://${targets[0]}/`], { timeout }));
}
