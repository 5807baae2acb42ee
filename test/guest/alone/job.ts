/** Runs in the guest: Weir with what ip_vs alone can do, and real frames to all of it; prints AloneAnswer. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlClient } from '../../../src/api/client.ts';
import { socketPathIn } from '../../../src/api/socket-path.ts';
import { startDaemon } from '../daemon.ts';
import type { AloneAnswer } from './case.ts';
import { CASES, CONFIG } from './cases.ts';
import { setMarks } from './marks.ts';
import { openWires } from './wire.ts';

const DIRECTORY = '/run/weir-test';

async function main(): Promise<void> {
  const { program } = JSON.parse(readFileSync(0, 'utf8')) as { program: string };
  const wires = openWires();
  const nft = setMarks();
  mkdirSync(DIRECTORY);
  mkdirSync('/etc/modules-load.d', { recursive: true });
  const file = join(DIRECTORY, 'weir.yaml');
  writeFileSync(file, CONFIG);
  const runDir = join(DIRECTORY, 'run');
  const daemon = startDaemon(program, [
    ...['-c', file, '--run-dir', runDir],
    ...['--state-dir', join(DIRECTORY, 'state'), '--pin-dir', '/sys/fs/bpf/weir'],
  ]);
  await daemon.until('"event":"ready"');
  const control = controlClient(socketPathIn(runDir));
  const outcome: Record<string, string | null> = {};
  for (const one of CASES)
    outcome[one.name] = await one.run({ wires, control }).then(
      () => null,
      (error: Error) => error.stack ?? String(error),
    );
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  process.stdout.write(JSON.stringify({ outcome, nft } satisfies AloneAnswer));
}

await main();
