/**
 * A guest with Debian's own kernel, BPF and ip_vs both, in a machine that qemu emulates: needs neither root nor KVM, and is
 * ten to forty times slower than the host. It sees the host's files read-only, and none of its network.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../command.ts';
import { plain, untilHalted } from './boot.ts';
import type { Guest } from './guest.ts';

/** Seconds that booting and halting may take on a busy machine. */
const BOOT_SECONDS = 120;
/** The guest's memory, in MiB. */
const MEMORY = 3072;
/** What the kernel needs before it sees the host's files; what these need comes with them. */
const FIRST_MODULES = ['virtio_pci.ko', '9pnet_virtio.ko', '9p.ko', 'overlay.ko'];

/** The machine if its packages have been fetched (`scripts/install-packages.sh --migrate`), else undefined. */
export function findMachine(): Guest | undefined {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const tools = process.env['WEIR_MACHINE'] || join(cache, 'weir/machine');
  const list = join(tools, 'packages');
  return existsSync(list) ? { tools, packages: readFileSync(list, 'utf8'), boot } : undefined;
}

/** The folder of the kernel's modules. */
function moduleFolder(tools: string): string {
  const all = join(tools, 'lib/modules');
  const [version] = readdirSync(all);
  if (version === undefined) throw new LabError(`${all} is empty; delete ${tools} and fetch it again`);
  return join(all, version);
}

/** The first modules with all that they need, in the order in which they are loaded; paths below the folder. */
function firstModules(folder: string): readonly string[] {
  const lines = readFileSync(join(folder, 'modules.dep'), 'utf8').split('\n');
  const needed = FIRST_MODULES.flatMap((name) => {
    const line = lines.find((one) => one.split(':')[0]!.endsWith(`/${name}`));
    // What is not there is a part of the kernel.
    if (line === undefined) return [];
    const [module, needs = ''] = line.split(':');
    return [...needs.trim().split(' ').filter(Boolean).reverse(), module!];
  });
  return [...new Set(needed)];
}

/** Packs the file system in memory that the kernel begins with; returns its path. */
function packInitramfs(tools: string, run: string): string {
  const root = join(run, 'initramfs');
  mkdirSync(join(root, 'modules'), { recursive: true });
  const box = join(tools, 'bin/busybox');
  copyFileSync(box, join(root, 'busybox'));
  copyFileSync(fileURLToPath(new URL('machine-init.sh', import.meta.url)), join(root, 'init'));
  chmodSync(join(root, 'init'), 0o755);
  // The script's interpreter.
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(box, join(root, 'bin/sh'));
  const folder = moduleFolder(tools);
  const modules = firstModules(folder);
  for (const one of modules) copyFileSync(join(folder, one), join(root, 'modules', basename(one)));
  writeFileSync(join(root, 'modules/order'), modules.map((one) => `${basename(one)}\n`).join(''));
  const names = execFileSync(box, ['find', '.'], { cwd: root });
  const packed = execFileSync(box, ['cpio', '-o', '-H', 'newc'], {
    cwd: root,
    input: names,
    maxBuffer: 2 ** 26,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const file = join(run, 'initramfs.cpio');
  writeFileSync(file, packed);
  return file;
}

function kernelOf(tools: string): string {
  const folder = join(tools, 'boot');
  const name = readdirSync(folder).find((one) => one.startsWith('vmlinuz'));
  if (name === undefined) throw new LabError(`${folder} has no kernel; delete ${tools} and fetch it again`);
  return join(folder, name);
}

/** Boots it for one job; resolves with what its kernel said. */
function boot({ tools }: Guest, run: string, scratch: string, seconds: number): Promise<string> {
  const init = fileURLToPath(new URL('init.sh', import.meta.url));
  const words = [
    'console=ttyS0',
    'panic=-1',
    'loglevel=4',
    'mitigations=off',
    'tsc=reliable',
    `weir_init=${plain(init)}`,
    `weir_tools=${plain(tools)}`,
    `weir_run=${plain(run)}`,
    `weir_seconds=${seconds}`,
  ];
  const share = (path: string, tag: string, more = ''): readonly string[] => [
    '-virtfs',
    `local,path=${plain(path)},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ];
  const argv = [
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', `${MEMORY}`],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', kernelOf(tools), '-initrd', packInitramfs(tools, scratch)],
    ...['-append', words.join(' ')],
    ...share('/', 'host', ',readonly=on'),
    ...share(run, 'run'),
  ];
  return untilHalted('qemu-system-x86_64', argv, seconds + BOOT_SECONDS);
}
