/** What one packet costs in the eBPF program, above the floor of writing it. */
import { withLab } from '../../src/lab/lab.ts';
import { median } from '../ratios.ts';

/** Nanoseconds a packet by measure, one number a round. */
export type PacketMeasures = Readonly<Record<string, readonly number[]>>;

/** Seconds it takes, about. */
export const packetSeconds = 30;

/** Measures by BPF_PROG_TEST_RUN in a lab of its own; throws a LabError when Weir is not built or a step fails. */
export async function measurePackets(): Promise<PacketMeasures> {
  return await withLab({ servers: 1, sysctls: { 'net.ipv4.ip_forward': 1 } }, async (lab) => {
    const argv = [process.execPath, '--import', import.meta.resolve('tsx'), 'bench/packet/driver.ts'];
    return JSON.parse(await lab.run(lab.director, argv, { timeout: 180_000 })) as PacketMeasures;
  });
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
