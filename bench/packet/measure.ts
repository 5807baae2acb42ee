/** What one packet costs in the eBPF program, above the floor of writing it. */
import { type Lab, type LabOptions, withLab } from '../../src/lab/lab.ts';
import { median } from '../ratios.ts';

/** Nanoseconds a packet by measure, one number a round. */
export type PacketMeasures = Readonly<Record<string, readonly number[]>>;

/** Seconds it takes, about. */
export const packetSeconds = 30;

/** The lab that packets are measured in: a director with routes. */
export const packetLab: LabOptions = { servers: 1, sysctls: { 'net.ipv4.ip_forward': 1 } };

/** Measures the tree in the given directory, by BPF_PROG_TEST_RUN; throws a LabError when it is not built or a step fails. */
export async function runDriver(lab: Lab, directory: string): Promise<PacketMeasures> {
  const argv = [process.execPath, '--import', import.meta.resolve('tsx'), 'bench/packet/driver.ts'];
  const options = { timeout: 180_000, cwd: directory };
  return JSON.parse(await lab.run(lab.director, argv, options)) as PacketMeasures;
}

/** Measures this tree in a lab of its own. */
export async function measurePackets(): Promise<PacketMeasures> {
  return await withLab(packetLab, async (lab) => await runDriver(lab, '.'));
}

/** The table, a line for each measure. */
export function describePackets(measures: PacketMeasures): string[] {
  const line = ([name, rounds]: [string, readonly number[]]): string => {
    const spread = `${Math.min(...rounds)} – ${Math.max(...rounds)}`;
    return `  ${name.padEnd(46)} ${String(median(rounds)).padStart(6)}  ${spread}`;
  };
  return [
    'single packets: nanoseconds above the floor, by BPF_PROG_TEST_RUN',
    `  ${''.padEnd(46)} median  min – max`,
    ...Object.entries(measures).map(line),
  ];
}
