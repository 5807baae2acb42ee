/** The bench's part on single packets alone. Usage: packet/run.ts [--json FILE] */
import { writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { describePackets, measurePackets, packetSeconds } from './measure.ts';

const { values } = parseArgs({ options: { json: { type: 'string' } } });

console.log(`kernel ${release()}, ${cpus()[0]?.model}; some ${packetSeconds} s`);
const measures = await measurePackets();
console.log(describePackets(measures).join('\n'));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(measures, null, 2)}\n`);
