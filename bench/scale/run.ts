/**
 * Weir with very many services: how long a start takes and where, one changed service, the gaps in the daemon's loop, its
 * memory. Then very many connections: what a pass of the sweep costs, and listing them.
 * Usage: scale/run.ts [--services N] [--servers N] [--connections N] [--changes N] [--json FILE]
 */
import { writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { controlClient } from '../../src/api/client.ts';
import { socketPathIn } from '../../src/api/socket-path.ts';
import { withLab } from '../../src/lab/lab.ts';
import { labWeir } from '../../src/lab/weir.ts';
import { flood } from './flood.ts';
import { measureChanges, measureGaps, measureListing, measureLoad } from './measure.ts';
import { describeChanges, describeFlood, describeGaps, describeListing, describeLoad } from './report.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    servers: { type: 'string', default: '10' },
    connections: { type: 'string', default: '1000000' },
    changes: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});
const size = {
  services: Number(values.services),
  servers: Number(values.servers),
  connections: Number(values.connections),
};
/** How long the idle daemon is asked, in seconds: several looks. */
const IDLE = 12;

const tell = (lines: readonly string[]): void => console.log(lines.join('\n'));

await withLab({ prefix: 'weirscale', servers: 1, sysctls: { 'net.ipv4.ip_forward': 1 } }, async (lab) => {
  tell([`kernel ${release()}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}`]);
  tell([`${size.services} services of ${size.servers} servers`]);
  const weir = labWeir(lab);
  const client = controlClient(socketPathIn(lab.runDir));
  const { daemon, load } = await measureLoad(weir, size);
  try {
    tell(describeLoad(load));
    const changes = await measureChanges(weir, daemon, size, Number(values.changes));
    tell(describeChanges(changes));
    const idle = await measureGaps(client, daemon.pid, IDLE);
    tell(describeGaps(idle));
    const flooded = await flood(lab, size.connections);
    tell(describeFlood(flooded));
    const busy = await measureGaps(client, daemon.pid, IDLE);
    tell(describeGaps(busy));
    const all = await measureListing(client, daemon.pid);
    const one = await measureListing(client, daemon.pid, { client: '203.0.113.10' });
    tell([describeListing('listed', all), describeListing('listed with a filter', one)]);
    const status = await client.status();
    tell([status.plane]);
    const result = { size, load, changes, idle, flooded, busy, all, one, status };
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await daemon.stop();
    await weir.run(['down']);
  }
});
