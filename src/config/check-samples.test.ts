/** The sample of check types asks servers that play recorded answers: the right ones pass, others do not. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { LOOPBACK, make, testServers } from '../checks/servers.fixture.ts';
import type { StepsCheck } from '../core/model/check.ts';
import { parseConfig } from './parse.ts';
import { RECORDINGS, type Recording } from './recordings.fixture.ts';

const servers = testServers();
afterEach(() => servers.end());

function stepsInSample(): readonly StepsCheck[] {
  const text = readFileSync(new URL('../../samples/check-types.yaml', import.meta.url), 'utf8');
  const result = parseConfig(text, 'check-types.yaml');
  if (!result.ok) throw new Error('the sample is wrong');
  const all = [...result.config.checks.values()].flatMap(({ servers: of }) => [...of.values()].flat());
  return all.filter((check): check is StepsCheck => check.type === 'steps');
}

function stepsOf(port: number): StepsCheck {
  const found = stepsInSample().find((check) => check.port === port);
  if (found === undefined) throw new Error(`no steps for port ${port}`);
  // TLS has tests of its own.
  const { tls: _, ...plain } = found;
  return plain;
}

/** Plays a recording: as it was, or in pieces, or no further than a number of bytes, and then hangs up. */
async function play(
  { port, isWell, greeting = '', answers = {} }: Recording,
  { piece = 1_000, most = 100_000 }: { readonly piece?: number; readonly most?: number } = {},
) {
  const own = await servers.raw((socket) => {
    socket.setNoDelay();
    let left = most;
    const tell = async (text: string) => {
      for (let at = 0; at < text.length && left > 0; at += piece) {
        const part = text.slice(at, at + Math.min(piece, left));
        left -= part.length;
        if (socket.writable) socket.write(part, 'latin1');
        await new Promise(setImmediate);
      }
      if (left === 0) socket.end();
    };
    // One answer after the other, as servers do.
    let saying = tell(greeting);
    socket.on('data', (said) => (saying = saying.then(() => tell(answers[said.toString('latin1')] ?? ''))));
  });
  return make({ ...stepsOf(port), address: LOOPBACK, port: own, timeout: isWell ? 5_000 : 250 });
}

describe.each(RECORDINGS.filter(({ isWell }) => isWell))(
  'the steps of the sample for $server',
  (recording) => {
    it('pass with what it answers, in one piece or in many', async () => {
      expect(await play(recording)).toMatchObject({ outcome: 'passed' });
      expect(await play(recording, { piece: 1 })).toMatchObject({ outcome: 'passed' });
    });

    it('fail when it breaks off in the middle', async () => {
      const { greeting = '', answers = {} } = recording;
      const [last = ''] = Object.values(answers);
      // What decides is not all that is said; without its first half none passes.
      const most = last === '' ? 4 : greeting.length + (last.length >> 1);
      expect(await play(recording, { most })).toMatchObject({ outcome: 'failed' });
    });
  },
);

describe.each(RECORDINGS.filter(({ isWell }) => !isWell))(
  'the steps of the sample for $server',
  (recording) => {
    it('fail with what it says', async () => {
      expect(await play(recording)).toMatchObject({ outcome: 'failed' });
    });
  },
);

it('all samples that say something have recordings of both', () => {
  const ports = (isWell: boolean) =>
    new Set(RECORDINGS.filter((one) => one.isWell === isWell).map(({ port }) => port));
  expect(ports(true)).toEqual(ports(false));
  expect([...ports(true)].sort()).toEqual(
    stepsInSample()
      .map(({ port }) => port)
      .sort(),
  );
});
