/** Weir as it may be some day: built from the same sources, with one field more in a table that is pinned. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { mustRun } from '../../src/lab/command.ts';

/** A built program of another layout. */
export interface NextVersion {
  /** Its dist/weir.js. */
  readonly program: string;
  /** The name of its layout. */
  readonly layout: string;
  remove(): void;
}

/** Everything that generating and building read. */
const SOURCES = ['bin', 'bpf', 'src', 'scripts', 'package.json', 'tsconfig.json', 'test', 'bench'];
/** In front of the counters, so that all that follows lies elsewhere; and a member of everything that is balanced. */
const BEFORE = '\t__s32 active;\t/* connections from the SYN to the first FIN or RST */';
const FIELD = '\t__u32 added;\t/* a later version has this, too */\n';

/** Builds it in a directory of its own. */
export async function buildNextVersion(): Promise<NextVersion> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-next-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    for (const source of SOURCES.filter((path) => existsSync(path)))
      cpSync(source, join(directory, source), { recursive: true });
    symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
    const header = join(directory, 'bpf/contract_services.h');
    const text = readFileSync(header, 'utf8');
    const changed = text.replace(BEFORE, `${FIELD}${BEFORE}`);
    if (changed === text) throw new Error('struct weir_server has no member `active` where it was');
    writeFileSync(header, changed);
    for (const script of ['generate-contract.ts', 'build.ts'])
      await mustRun(
        [process.execPath, '--import', import.meta.resolve('tsx'), join(directory, 'scripts', script)],
        {
          cwd: directory,
          timeout: 180_000,
        },
      );
    const generated = readFileSync(join(directory, 'src/dataplane/bpf/contract.generated.ts'), 'utf8');
    const layout = /LAYOUT = '(\w+)'/.exec(generated)?.[1];
    if (layout === undefined) throw new Error('the generated contract names no layout');
    return { program: join(directory, 'dist/weir.js'), layout, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
