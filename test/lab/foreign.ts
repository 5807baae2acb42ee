/** Programs of others on the director's interfaces, which Weir must leave alone and must let see what is not its own. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun } from '../../src/lab/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { compiled } from '../support/compiled.ts';

const sourceFile = fileURLToPath(new URL('count.bpf.c', import.meta.url));
const driver = compiled('foreign-driver.ts', import.meta.url);
const driverArgv = (): string[] => [process.execPath, driver()];
/** Where Debian keeps <asm/types.h>, which clang's BPF target does not look for by itself. */
const archIncludes = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

/** What a foreign program has seen. */
export interface Seen {
  readonly all: number;
  /** UDP to port 9999. */
  readonly udp: number;
  /** TCP to the ports 80 and 81. */
  readonly tcp: number;
}

const seenOf = ([all = 0, udp = 0, tcp = 0]: readonly number[]): Seen => ({ all, udp, tcp });

/** Compiles the counting program into the lab's own directory; returns the object's path. */
export async function compileForeign(lab: Lab): Promise<string> {
  const object = join(lab.runDir, 'count.bpf.o');
  await mustRun(['clang', '-target', 'bpf', '-O2', '-g', '-I', archIncludes, '-c', sourceFile, '-o', object]);
  return object;
}

/** A foreign program that is attached by TCX for as long as its process lives. */
export interface ForeignTcx {
  seen(): Promise<Seen>;
  readonly process: LabProcess;
}

/** Attaches the program to one of the director's interfaces, behind all that are there. */
export async function attachForeignTcx(lab: Lab, object: string, name: string): Promise<ForeignTcx> {
  const child = await lab.spawn(lab.director, [...driverArgv(), 'attach', object, name], {
    title: `foreign program on ${name}`,
  });
  await child.waitForLine((line) => line === 'up');
  return {
    process: child,
    seen: () =>
      new Promise<Seen>((resolve, reject) => {
        const forget = child.onLine((line) => {
          forget();
          resolve(seenOf(JSON.parse(line)));
        });
        void child.ended.then(() => reject(new Error(`${child.title} has ended:\n${child.output()}`)));
        child.send('count');
      }),
  };
}

/** How many TCX programs each of the director's interfaces has. */
export async function tcxPrograms(
  lab: Lab,
  hook: 'ingress' | 'egress' = 'ingress',
): Promise<Readonly<Record<string, number>>> {
  const verb = hook === 'egress' ? 'query-egress' : 'query';
  return JSON.parse(await lab.run(lab.director, [...driverArgv(), verb, 'eth0', 'eth1']));
}

/** Attaches the program the older way: a filter under the clsact qdisc. Returns what it has seen, on demand. */
export async function attachForeignFilter(
  lab: Lab,
  object: string,
  name: string,
): Promise<() => Promise<Seen>> {
  const run = (...argv: string[]): Promise<string> => lab.run(lab.director, argv);
  await run('tc', 'qdisc', 'add', 'dev', name, 'clsact');
  await run('tc', 'filter', 'add', 'dev', name, 'ingress', 'bpf', 'da', 'obj', object, 'sec', 'tc');
  const id = / id (\d+) /.exec(await filtersOn(lab, name))?.[1];
  if (id === undefined) throw new Error(`tc shows no program on ${name}`);
  const program = JSON.parse(await run('bpftool', '--json', 'prog', 'show', 'id', id)) as {
    map_ids: number[];
  };
  // Maps of the compiler's own, such as .rodata, are frozen; the one that counts is the plain array.
  for (const map of program.map_ids) {
    const shown = JSON.parse(await run('bpftool', '--json', 'map', 'show', 'id', String(map))) as {
      name?: string;
    };
    if (shown.name === 'seen')
      return async () => {
        const text = await run('bpftool', '--json', 'map', 'dump', 'id', String(map));
        const entries = JSON.parse(text) as { formatted: { key: number; value: number } }[];
        return seenOf(entries.map(({ formatted }) => formatted.value));
      };
  }
  throw new Error(`program ${id} has no map "seen"`);
}

/** The filters under an interface's clsact, as tc shows them. */
export function filtersOn(lab: Lab, name: string): Promise<string> {
  return lab.run(lab.director, ['tc', 'filter', 'show', 'dev', name, 'ingress']);
}
