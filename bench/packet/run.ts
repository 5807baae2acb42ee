/**
 * The bench's part on single packets alone, or beside that of an earlier commit.
 * Usage: packet/run.ts [--against COMMIT [--turns N]] [--json FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { LabError } from '../../src/lab/command.ts';
import { compareWith, describeComparison } from './against.ts';
import { describePackets, measurePackets, packetSeconds } from './measure.ts';

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    turns: { type: 'string', default: '4' },
    json: { type: 'string' },
  },
});

/** Measures what is asked for, and tells the table. */
async function measure(): Promise<object> {
  const seconds = values.against === undefined ? packetSeconds : 2 * Number(values.turns) * packetSeconds;
  console.log(`kernel ${release()}, ${cpus()[0]?.model}; some ${seconds} s`);
  if (values.against === undefined) {
    const measures = await measurePackets();
    console.log(describePackets(measures).join('\n'));
    return measures;
  }
  const comparison = await compareWith(values.against, Number(values.turns), console.log);
  console.log(describeComparison(values.against, comparison).join('\n'));
  return comparison;
}

try {
  const result = await measure();
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
} catch (error) {
  console.error(error instanceof LabError ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
