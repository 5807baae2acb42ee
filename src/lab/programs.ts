/** The lab's own programs, which run inside its namespaces, and how they are started. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from './command.ts';

/** A program of the lab. */
export type LabProgram = 'real-server' | 'checked-server' | 'client' | 'capture';

/** The directory that holds package.json, from wherever this code runs. */
function projectRoot(): string {
  const from = fileURLToPath(import.meta.url);
  for (let directory = dirname(from); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (directory === dirname(directory))
      throw new LabError(`no package.json in any directory above ${from}`);
  }
}

/**
 * The command line of a program: the bundled one (dist/lab/NAME.js) when this code is itself bundled, else its source
 * through tsx. Throws a LabError when the file is not there.
 */
export function programArgv(program: LabProgram): string[] {
  const here = fileURLToPath(import.meta.url);
  const root = projectRoot();
  const fromSource = here.endsWith('.ts');
  const file = fromSource ? join(root, 'src/lab', `${program}.ts`) : join(root, 'dist/lab', `${program}.js`);
  if (!existsSync(file)) throw new LabError(`${file} is missing; run make build first`);
  if (!fromSource) return [process.execPath, file];
  return [process.execPath, '--import', import.meta.resolve('tsx'), file];
}

/** The bundled `weir` itself, which may not be built yet. */
export function weirProgram(): string {
  return join(projectRoot(), 'dist/weir.js');
}
