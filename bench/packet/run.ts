/** What one packet costs in the eBPF program, above the floor of writing it. Usage: packet/run.ts [--json FILE] */
import { writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { withLab } from '../../src/lab/lab.ts';
import { median } from '../ratios.ts';

const { values } = parseArgs({ options: { json: { type: 'string' } } });

await withLab({ servers: 1, sysctls: { 'net.ipv4.ip_forward': 1 } }, async (lab) => {
  console.log(
    `kernel ${release()}, ${cpus()[0]?.model}; some 30 s, nanoseconds a packet by BPF_PROG_TEST_RUN`,
  );
  const argv = [process.execPath, '--import', import.meta.resolve('tsx'), 'bench/packet/driver.ts'];
  const measures = JSON.parse(await lab.run(lab.director, argv, { timeout: 180_000 })) as Record<
    string,
    number[]
  >;
  console.log(`${'above the floor'.padEnd(46)} median  min – max`);
  for (const [name, rounds] of Object.entries(measures)) {
    const spread = `${Math.min(...rounds)} – ${Math.max(...rounds)}`;
    console.log(`${name.padEnd(46)} ${String(median(rounds)).padStart(6)}  ${spread}`);
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(measures, null, 2)}\n`);
});
