#!/usr/bin/env node
/** The `ipvsadm` executable; called by the names ipvsadm-save and ipvsadm-restore it is those. */
import { basename } from 'node:path';
import { processIo, run } from '../src/ipvsadm/main.ts';

const program = basename(process.argv[1] ?? 'ipvsadm', '.js');
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has seen enough (ipvsadm -L | head). On a full disk a file of rules would be taken for whole.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`${program}: standard output cannot be written: ${error.message}\n`);
  process.exit(1);
});
process.exitCode = await run(program, process.argv.slice(2), processIo());
