/**
 * A process that writes a file durably until it is killed: by others at whatever moment, or by itself before or after one of the
 * calls that a write consists of. Its arguments: the file, and which of these moments, from 1; without it, it writes on and on.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { writeDurably } from './durable.ts';
import { wholeText } from './whole-text.fixture.ts';

const CALLS = [
  'mkdirSync',
  'readdirSync',
  'openSync',
  'writeFileSync',
  'fchmodSync',
  'fsyncSync',
  'closeSync',
  'renameSync',
] as const;

function killAt(last: number): void {
  let moment = 0;
  const pass = (name: string): void => {
    moment += 1;
    if (moment < last) return;
    // What it was about to do, or had just done, for the test.
    fs.writeSync(1, name);
    process.kill(process.pid, 'SIGKILL');
  };
  for (const name of CALLS) {
    const call = fs[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        pass(`before ${name}`);
        const result = call(...args);
        pass(`after ${name}`);
        return result;
      },
    });
  }
  syncBuiltinESMExports();
}

const [path, moment] = process.argv.slice(2);
writeDurably(path!, wholeText(1));
if (moment === undefined) {
  fs.writeSync(1, 'writing');
  for (let version = 2; ; version++) writeDurably(path!, wholeText(version));
}
killAt(Number(moment));
writeDurably(path!, wholeText(2));
