/** A lab in which commands are typed as the guide prints them: weir is in the PATH, and all its places are the usual ones. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult } from '../../src/lab/command.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { startRealServers } from '../../src/lab/real-servers.ts';
import type { LabHost } from '../../src/lab/topology.ts';

/**
 * Gives a mount namespace of its own to whoever enters it: what is written to /etc, /run and /var/lib lies in memory,
 * and so do the pins, in a BPF file system of its own. Nothing of it is seen outside, and it goes with the process.
 */
const SETTING = `
set -e
mount -t tmpfs tmpfs "$1"
for place in etc run var/lib; do
  mkdir -p "$1/upper/$place" "$1/aside/$place"
  mount -t overlay overlay -o "lowerdir=/$place,upperdir=$1/upper/$place,workdir=$1/aside/$place" "/$place"
done
mount -t bpf bpf /sys/fs/bpf
mkdir -p "$1/bin" /etc/weir
printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$2" "$3" > "$1/bin/weir"
chmod +x "$1/bin/weir"
echo ready
exec sleep infinity
`;

/** The machines of the guide. */
export interface GuideLab {
  readonly lab: Lab;
  /** Runs a line of the shell on a host: director, client1, server1 … */
  type(host: string, line: string): Promise<CommandResult>;
  /** Starts `weir run` and waits until it is ready. */
  start(): Promise<LabProcess>;
  /** Writes a file. */
  write(path: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** Raises the lab with two clients and three real servers; Weir is not started. */
export async function guideLab(): Promise<GuideLab> {
  const lab = await createLab({ prefix: 'weirguide', clients: 2 });
  try {
    await startRealServers(lab, { http: [80, 443, 8080] });
    return await assemble(lab);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function assemble(lab: Lab): Promise<GuideLab> {
  // Not in the lab's own directory, which lies in /run.
  const place = mkdtempSync(join(tmpdir(), 'weir-guide-'));
  const setting = ['sh', '-c', SETTING, 'sh', place, process.execPath, weirProgram()];
  const holder = await lab.spawn(lab.director, [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    ...setting,
  ]);
  await holder.waitForLine((line) => line === 'ready');
  const hosts = new Map([lab.director, ...lab.clients, ...lab.servers].map((host) => [host.name, host]));
  const shell = (line: string): string[] => [
    ...['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, `--wd=${process.cwd()}`, '--'],
    ...['env', `PATH=${place}/bin:${process.env['PATH']}`, 'bash', '-c', line],
  ];
  const hostNamed = (name: string): LabHost => {
    const host = hosts.get(name);
    if (host === undefined) throw new Error(`there is no ${name} in this lab`);
    return host;
  };
  return {
    lab,
    type: (host, line) => lab.exec(hostNamed(host), shell(line)),
    async start() {
      const daemon = await lab.spawn(lab.director, shell('exec weir run'), { title: 'weir run' });
      await daemon.waitForLine((line) => line.includes('"event":"ready"'));
      return daemon;
    },
    async write(path, text) {
      await lab.run(lab.director, shell(`cat > '${path}'`), { input: text });
    },
    async close() {
      await lab.close();
      rmdirSync(place);
    },
  };
}
