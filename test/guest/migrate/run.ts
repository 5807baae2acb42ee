/** `make guest-migrate`: the planes changed under load, in a machine that qemu emulates. Exits 1 when anything was lost. */
import { fileURLToPath } from 'node:url';
import { runTextProgramInGuest } from '../../../src/lab/guest/job.ts';
import { findMachine } from '../../../src/lab/guest/machine.ts';
import type { Told } from './job.ts';

/** Seconds that it may take; some four minutes on an idle machine. */
const MOST = 1_200;

function lineOf(told: Told): string {
  switch (told.kind) {
    case 'step':
      return [`\n${told.name}`, ...told.lines.map((line) => `    ${line}`)].join('\n');
    case 'load': {
      const { lines, short, conversations, datagrams, remembered, moved, lost } = told.report;
      const good = `${lines} lines and ${datagrams} datagrams on what lasts, ${short} short connections, ${conversations} short conversations`;
      return `  ${told.during}: ${good}; ${remembered} times the same server, ${moved.length} moved; ${lost.length} lost`;
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
const job = fileURLToPath(new URL('job.ts', import.meta.url));
console.log('booting Debian’s kernel in qemu, without KVM: this is slow');
const text = await runTextProgramInGuest(machine, job, MOST);
const told = text
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as Told);
for (const one of told) console.log(lineOf(one));
const faults = told.filter(({ kind }) => kind === 'fault').length;
const isWhole = told.some((one) => one.kind === 'step' && one.name === 'weir down');
console.log(
  `\n${faults === 0 && isWhole ? 'nothing was lost' : `${faults} things went wrong`}, in ${Math.round((Date.now() - begun) / 1000)} s`,
);
if (faults > 0 || !isWhole) process.exit(1);
