/** Builds dist/: the weir and ipvsadm executables, the lab's programs, and the packet path. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { type BuildOptions, build } from 'esbuild';

/** Where Debian keeps <asm/types.h>, which clang's BPF target does not look for by itself. */
const ARCH_INCLUDES = { x64: '/usr/include/x86_64-linux-gnu', arm64: '/usr/include/aarch64-linux-gnu' }[
  process.arch as 'x64'
];

/** The demo, and the programs that the lab starts inside its namespaces. */
const LAB_PROGRAMS = ['demo', 'client', 'real-server', 'checked-server', 'capture'];

function compile(source: string, object: string): void {
  const flags = [
    '-target',
    'bpf',
    '-mcpu=v3',
    '-O2',
    '-g',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wno-unused-function',
  ];
  execFileSync('clang', [...flags, '-I', ARCH_INCLUDES, '-I', 'bpf', '-c', source, '-o', object], {
    stdio: 'inherit',
  });
}

mkdirSync('dist', { recursive: true });
compile('bpf/director.bpf.c', 'dist/director.bpf.o');
compile('test/bpf/probe.bpf.c', 'dist/probe.bpf.o');
compile('test/bpf/table.bpf.c', 'dist/table.bpf.o');
compile('bench/packet/packets.bpf.c', 'dist/packets.bpf.o');
compile('bench/scale/flood.bpf.c', 'dist/flood.bpf.o');

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['koffi'],
  // Some packages still call require(), which an ES module does not have.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
};
await build({
  ...common,
  entryPoints: { weir: 'bin/weir.ts', ipvsadm: 'bin/ipvsadm.ts', checks: 'src/checks/worker.ts' },
  outdir: 'dist',
});
await build({
  ...common,
  entryPoints: Object.fromEntries(LAB_PROGRAMS.map((name) => [name, `src/lab/${name}.ts`])),
  outdir: 'dist/lab',
});
chmodSync('dist/weir.js', 0o755);
chmodSync('dist/ipvsadm.js', 0o755);
// One program by three names.
for (const name of ['ipvsadm-save', 'ipvsadm-restore']) {
  rmSync(`dist/${name}.js`, { force: true });
  symlinkSync('ipvsadm.js', `dist/${name}.js`);
}
