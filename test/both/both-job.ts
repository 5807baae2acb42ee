/** Plays all scenarios on one plane, in a network namespace of its own: ip_vs in the guest, bpf on the host. Standard input: the plane; output: AllSeen. */
import { readFileSync } from 'node:fs';
import type { PlaneKind } from '../../src/core/model/host.ts';
import { playAll } from './play.ts';
import { SCENARIOS } from './scenarios.ts';
import { openStage } from './stage.ts';

const stage = openStage(JSON.parse(readFileSync(0, 'utf8')) as PlaneKind);
try {
  process.stdout.write(JSON.stringify(await playAll(stage, SCENARIOS)));
} finally {
  stage.close();
}
