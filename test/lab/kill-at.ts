/**
 * Kills the process that loads it at one of the moments that matter for a record written before its change: before or
 * after a file is renamed into place, or after a write(2) (to /proc/sys). WEIR_TEST_KILL_AT counts them from 1.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

let moment = 0;

function pass(): void {
  moment += 1;
  if (moment === Number(process.env['WEIR_TEST_KILL_AT'])) process.kill(process.pid, 'SIGKILL');
}

const { renameSync, writeSync } = fs;
fs.renameSync = (from, to) => {
  pass();
  renameSync(from, to);
  pass();
};
fs.writeSync = ((fd: number, text: string) => {
  const written = writeSync(fd, text);
  pass();
  return written;
}) as typeof fs.writeSync;
syncBuiltinESMExports();
