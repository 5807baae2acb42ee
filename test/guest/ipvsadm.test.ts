/** Our ipvsadm against the real one in a guest: what they print, how they end, what becomes of ip_vs. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import type { IpvsadmAnswer, IpvsadmQuestion, Outcome } from './ipvsadm-job.ts';
import { HOSTS, SCENARIOS } from './ipvsadm-lines.ts';

const guest = findGuest();
const job = fileURLToPath(new URL('ipvsadm-job.ts', import.meta.url));

/** What is not as with the real one, for people. */
function disagreements(outcomes: readonly Outcome[]): string {
  return outcomes
    .filter(
      ({ real, ours, state }) => JSON.stringify([real, state?.real]) !== JSON.stringify([ours, state?.ours]),
    )
    .map(({ line, real, ours, state }) =>
      [
        `ipvsadm ${JSON.stringify(line.argv)}${line.input === undefined ? '' : ` <<< ${JSON.stringify(line.input)}`}`,
        `  real ${JSON.stringify(real)}`,
        `  ours ${JSON.stringify(ours)}`,
        ...(state === undefined || state.real === state.ours
          ? []
          : [`  real left\n${state.real}  ours left\n${state.ours}`]),
      ].join('\n'),
    )
    .join('\n');
}

describe.skipIf(guest === undefined)('ipvsadm', () => {
  let answer: IpvsadmAnswer;
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    const question: IpvsadmQuestion = {
      hosts: HOSTS,
      scenarios: SCENARIOS,
      programs: fileURLToPath(new URL('../../dist/', import.meta.url)),
      processes: [
        { argv: ['-A', '-t', '1.2.3.4:80'] },
        { argv: ['-Ln'] },
        { argv: ['-A', '-t', 'bogus'] },
        { argv: ['-Ln', '-t', '1.2.3.5:80'] },
        { argv: ['-R'], input: '-a -t 1.2.3.4:80 -r 10.0.0.1 -m\n-A -t 1.2.3.5:80\n' },
        { argv: ['-Sn'] },
        {
          argv: [],
          program: 'ipvsadm-restore',
          real: 'ipvsadm -C; grep -v "^#" | ipvsadm -R',
          input:
            '# rules\n-A -t 1.2.3.5:80 -s rr\n-a -t 1.2.3.5:80 -r 10.0.0.2 -m -x 9\n-A -f 1 -p\n--set 5 6 7\n',
        },
        { argv: ['-n'], program: 'ipvsadm-save', real: 'ipvsadm -Sn' },
      ],
    };
    answer = (await runProgramInGuest(guest!, job, question, 240)) as IpvsadmAnswer;
    outcomes = answer.outcomes;
  }, 320_000);

  it('says and does what the real one says and does', () => {
    expect(outcomes.length).toBeGreaterThan(150);
    expect(disagreements(outcomes)).toBe('');
  });

  it('does so as a process of its own', () => {
    expect(disagreements(answer.processes)).toBe('');
    console.log(`a process of ours takes ${Math.round(answer.processMs)} ms in the guest`);
  });
});
