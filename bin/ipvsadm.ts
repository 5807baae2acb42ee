#!/usr/bin/env node
/** The `ipvsadm` executable; called by the names ipvsadm-save and ipvsadm-restore it is those. */
import { basename } from 'node:path';
import { processIo, run } from '../src/ipvsadm/main.ts';

process.stdout.on('error', () => process.exit(0));
const program = basename(process.argv[1] ?? 'ipvsadm', '.js');
process.exitCode = await run(program, process.argv.slice(2), processIo());
