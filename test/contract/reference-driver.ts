/**
 * Random packets through the kernel and through the reference: the same verdicts, the same bytes, the same tables.
 * Runs inside a lab's director and prints one line of JSON.
 *
 *   reference-driver.ts SEED SEQUENCES EVENTS
 */
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { SERVICES } from './event-services.ts';
import { event } from './events.ts';
import { openKernel } from './kernel.ts';
import { play, type Tally } from './play.ts';
import { shrink } from './shrink.ts';

const [seed = '0', sequences = '40', events = '600', object] = process.argv.slice(2);

/** Room for every conversation there can be, and for fewer half-open ones: a full table's choices are random. */
const LIMITS = {
  ...DEFAULT_LIMITS,
  connections_ipv4: 512,
  connections_ipv6: 512,
  half_open: 8,
  services: 64,
  servers: 256,
  // Answers are counted by the clock, which the two do not share.
  answer_rate: 1_000_000,
  answer_burst: 1_000_000,
};

const kernel = openKernel(LIMITS, SERVICES, 1000, object);
try {
  const tally: Tally = { packets: 0, again: 0, actions: {}, verdicts: {}, kinds: {}, schedulers: {} };
  let failure: object | undefined;
  for (let i = 0; i < Number(sequences) && failure === undefined; i++) {
    // Most of a sequence is about a few services, so that conversations come about: others in each sequence.
    const sequence = fc
      .sample(event, { numRuns: Number(events), seed: Number(seed) + i })
      .map((one) => ('service' in one ? { ...one, service: (one.service + 7 * i) % SERVICES.length } : one));
    const difference = play(kernel, sequence, tally);
    if (difference === undefined) continue;
    const prefix = sequence.slice(0, difference.event + 1);
    const small = shrink(prefix, (candidate) => play(kernel, candidate) !== undefined);
    // What was found first, too, in case that it is not to be found a second time.
    failure = { sequence: i, first: difference, events: small, ...play(kernel, small) };
  }
  console.log(JSON.stringify({ ...tally, failure }));
} finally {
  kernel.close();
}
