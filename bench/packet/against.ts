/** Single packets of this tree beside those of an earlier commit, by turns in one lab: what a change has cost or saved. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LabError, mustRun } from '../../src/lab/command.ts';
import { withLab } from '../../src/lab/lab.ts';
import { median } from '../ratios.ts';
import { type PacketMeasures, packetLab, runDriver } from './measure.ts';

/** Each tree's numbers, of as many rounds, measured by turns. */
export interface Comparison {
  readonly before: PacketMeasures;
  readonly now: PacketMeasures;
}

/** Lays the commit's tree out and builds it, with the libraries that are installed here. Throws a LabError. */
async function buildBefore(ref: string, directory: string): Promise<void> {
  const tree = join(directory, 'tree.tar');
  await mustRun(['git', 'archive', '--output', tree, '--end-of-options', ref]);
  await mustRun(['tar', '-xf', tree, '-C', directory]);
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
  const build = [process.execPath, '--import', import.meta.resolve('tsx'), 'scripts/build.ts'];
  await mustRun(build, { cwd: directory, timeout: 120_000 });
}

function add(sum: Record<string, readonly number[]>, measures: PacketMeasures): void {
  for (const [name, rounds] of Object.entries(measures)) sum[name] = [...(sum[name] ?? []), ...rounds];
}

/** Measures both trees in turns, of five rounds each; `tell` hears of each turn. Throws a LabError when the commit has no such bench. */
export async function compareWith(
  ref: string,
  turns: number,
  tell: (line: string) => void,
): Promise<Comparison> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-before-'));
  try {
    await buildBefore(ref, directory);
    const before: Record<string, readonly number[]> = {};
    const now: Record<string, readonly number[]> = {};
    await withLab(packetLab, async (lab) => {
      for (let turn = 1; turn <= turns; turn++) {
        tell(`turn ${turn}/${turns} …`);
        add(before, await runDriver(lab, directory));
        add(now, await runDriver(lab, '.'));
      }
    });
    return { before, now };
  } catch (error) {
    throw error instanceof LabError ? new LabError(`comparing with ${ref}: ${error.message}`) : error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The table, a line for each measure that both have. */
export function describeComparison(ref: string, { before, now }: Comparison): string[] {
  const both = Object.keys(now).filter((name) => name in before);
  const line = (name: string): string => {
    const [old, own] = [median(before[name]!), median(now[name]!)];
    const numbers = [old, own].map((nanoseconds) => String(Math.round(nanoseconds)).padStart(7));
    return `  ${name.padEnd(46)}${numbers.join('')}  ${(own / old).toFixed(2)}`;
  };
  return [
    `single packets: nanoseconds above the floor, medians of ${now[both[0]!]?.length ?? 0} rounds by turns`,
    `  ${''.padEnd(46)}${ref.slice(0, 7).padStart(7)}    now  ratio`,
    ...both.map(line),
  ];
}
