/** `make guest-migrate`: the planes changed under load, in a machine that qemu emulates. Exits 1 when anything was lost. */
import { fileURLToPath } from 'node:url';
import { runTextProgramInGuest } from '../../../src/lab/guest/job.ts';
import { findMachine } from '../../../src/lab/guest/machine.ts';
import type { Told } from './job.ts';
import type { LoadReport } from './load.ts';

/** Seconds that it may take; some six minutes on an idle machine. */
const MOST = 1_200;
/** The most of what went wrong that is told in a row; all of it is counted. */
const FAULTS_SHOWN = 8;
/** Seconds of silence after which it says that it goes on. */
const SILENCE = 20;

/** What went through the director, short and lasting ones: their begin and their answers. */
const doneOf = (report: LoadReport): number =>
  report.short + report.conversations + report.remembered + report.refused + report.late + report.reset;

function lineOf(told: Told): string {
  switch (told.kind) {
    case 'phase':
      return `… ${told.name}`;
    case 'step':
      return [told.name, ...told.lines.map((line) => `          ${line}`)].join('\n');
    case 'load': {
      const { report } = told;
      const good = [
        `${report.lines} lines and ${report.datagrams} datagrams on what lasts (${report.large} larger than the MTU)`,
        `${report.short} short connections, ${report.conversations} short conversations`,
        `${report.refused} ICMP errors from servers, ${report.late} answers that came too late`,
        ...(report.reset === 0 ? [] : [`${report.reset} connections of a server that went down were reset`]),
        `${report.remembered} times the same server, ${report.moved.length} moved`,
        `${report.lost.length} lost`,
      ];
      return `  ${told.during}: ${good.join('; ')}`;
    }
    case 'fault':
      return `  WRONG ${told.words}`;
  }
}

const machine = findMachine();
if (machine === undefined) {
  console.error('there is no machine to boot; run scripts/install-packages.sh --migrate');
  process.exit(1);
}
const begun = Date.now();
const seconds = (): number => Math.round((Date.now() - begun) / 1000);
const told: Told[] = [];
let connections = 0;
let spoken = Date.now();
const say = (text: string): void => {
  spoken = Date.now();
  console.log(`${String(seconds()).padStart(4)} s ${text}`);
};
let rest = '';
let faultsInRow = 0;
const hear = (piece: string): void => {
  const lines = (rest + piece).split('\n');
  rest = lines.pop()!;
  for (const line of lines.filter(Boolean)) {
    const one = JSON.parse(line) as Told;
    told.push(one);
    if (one.kind === 'load') connections += doneOf(one.report);
    const more = faultsInRow - FAULTS_SHOWN;
    faultsInRow = one.kind === 'fault' ? faultsInRow + 1 : 0;
    if (faultsInRow === 0 && more > 0) say(`  WRONG … and ${more} more`);
    if (faultsInRow <= FAULTS_SHOWN) say(lineOf(one));
  }
};
say('booting Debian’s kernel in qemu, without KVM: this is slow');
const still = setInterval(() => {
  if (Date.now() - spoken < SILENCE * 1000) return;
  const phase = told.findLast((one) => one.kind === 'phase');
  const faults = told.filter(({ kind }) => kind === 'fault').length;
  say(`still: ${phase?.name ?? 'booting'}; ${connections} connections so far, ${faults} things wrong`);
}, 1_000);
const job = fileURLToPath(new URL('job.ts', import.meta.url));
await runTextProgramInGuest(machine, job, MOST, '', hear).finally(() => clearInterval(still));
const faults = told.filter(({ kind }) => kind === 'fault').length;
const isWhole = told.some((one) => one.kind === 'step' && one.name === 'weir down');
console.log(
  `\n${faults === 0 && isWhole ? 'nothing was lost' : `${faults} things went wrong`} of ${connections} connections, in ${seconds()} s`,
);
if (faults > 0 || !isWhole) process.exit(1);
