/** `make demo`, as it is built: that it tells its story, checks itself, and leaves nothing behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { BPFFS } from '../../src/kernel/bpffs.ts';
import { labsDirectory, removeLab } from '../../src/lab/remove.ts';

const program = fileURLToPath(new URL('../../dist/lab/demo.js', import.meta.url));
const timeout = 120_000;
const children: ChildProcess[] = [];

interface Demo {
  readonly child: ChildProcess;
  /** All that it has said so far. */
  text(): string;
  /** Resolves when it has said these words. */
  says(words: string): Promise<void>;
  /** Resolves with its exit code. */
  end(): Promise<number | null>;
}

function startDemo(...words: string[]): Demo {
  if (!existsSync(program)) throw new Error(`${program} is missing; run make build first`);
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  const closed = once(child, 'close');
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  return {
    child,
    text: () => text,
    async says(words) {
      while (!text.includes(words)) {
        if (child.exitCode !== null) throw new Error(`the demo ended without saying ${words}:\n${text}`);
        await Promise.race([once(child.stdout, 'data'), closed]);
      }
    },
    async end() {
      return (await closed)[0] as number | null;
    },
  };
}

const entries = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

/** Namespaces, directories, pins and processes that carry the name of this demo's lab. */
function traces({ child }: Demo): string[] {
  const mark = `weirdemo-${child.pid}-`;
  const commands = entries('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // It has just ended.
      }
    });
  return [
    ...['/run/netns', labsDirectory, BPFFS].flatMap(entries).filter((name) => name.startsWith(mark)),
    ...commands.filter((command) => command.includes(mark)),
  ];
}

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    for (const name of entries(labsDirectory)) if (name.startsWith(`weirdemo-${child.pid}-`)) removeLab(name);
  }
});

it(
  'shows what weir does, without colours where nobody sees them, and leaves nothing',
  async () => {
    const demo = startDemo();
    const code = await demo.end();
    const text = demo.text();
    expect(code, text).toBe(0);
    expect(text).not.toContain('\x1b');
    expect(text.match(/^── \d+ {2}.*(?= ─)/gm)?.map((title) => title.replace(/ ─*$/, ''))).toEqual([
      '── 1  A network to play in',
      '── 2  weir run',
      '── 3  Who answers?',
      '── 4  What the director knows',
      '── 5  The way of one packet',
      '── 6  A weight changes',
      '── 7  A client that stays',
      '── 8  The daemon dies',
      '── 9  A server dies',
      '── 10  weir down',
    ]);
    expect(text).toContain('+ service tcp 203.0.113.100:80  wrr, 3 servers');
    expect(text).toMatch(/server1 +█+ +60 +50 % .*\n.*server2 +█+ +40 +33 % .*\n.*server3 +█+ +20 +17 % /);
    expect(text).toMatch(/director eth1 out +203\.0\.113\.10:\d+ +→ 192\.168\.1\.10\d:80 +63/);
    expect(text).toMatch(/director eth0 out +203\.0\.113\.100:80 +→ 203\.0\.113\.10:\d+ +63/);
    expect(text).toMatch(/\$ weir diff\n.*weight of 192\.168\.1\.101:80 {2}3 → 1\n {2}1 change\n/);
    expect(text).toMatch(/server1 .* 30 +25 % .*\n.*server2 .* 60 +50 % .*\n.*server3 .* 30 +25 % /);
    expect(text).toMatch(
      /\$ weir connections --client 203\.0\.113\.10:0\n.*\n.*tcp .* TEMPLATE .*203\.0\.113\.10:0 /,
    );
    const prose = text.replaceAll(/\s+/g, ' ');
    expect(prose).toContain('eBPF plane found running');
    expect(text).toMatch(/ +[0-9a-f]{64}\n/);
    expect(prose).toMatch(/ \d+ requests, none failed\./);
    const [, lost, answering] = /lost +(\d+) {2}server2 was answering (\d+) when it died/.exec(text)!;
    expect(Number(lost)).toBeLessThanOrEqual(Number(answering));
    expect(text).toMatch(/time to removal +\d\.\d\d s .*\n +found by +no answer within 150 ms\n/);
    expect(text).toMatch(/^ +40 │█+ +█+\n(?: +│█+ +.+\n){3} +0 └┴[─┴]+\n +0s +2s /m);
    expect(text).toMatch(/\$ weir down\n.*203\.0\.113\.100\/24 dev eth0: removed\n/);
    expect(prose).toContain('All as it was.');
    expect(traces(demo)).toEqual([]);
  },
  timeout,
);

it.each(['A network to play in', 'What the director knows', 'kill -9'])(
  'leaves nothing when it is interrupted after it said %j',
  async (words) => {
    const demo = startDemo();
    await demo.says(words);
    expect(traces(demo)).not.toEqual([]);
    demo.child.kill('SIGINT');
    expect(await demo.end(), demo.text()).toBe(130);
    expect(traces(demo)).toEqual([]);
  },
  timeout,
);

it(
  'stays up with --keep, tells commands that work, and goes with --down',
  async () => {
    const demo = startDemo('--keep');
    expect(await demo.end(), demo.text()).toBe(0);
    const file = /\. (\/run\/\S+)/.exec(demo.text())?.[1];
    const ideas = demo.text().split('Then try:')[1]?.split('And to end it')[0] ?? '';
    const commands = [...ideas.matchAll(/^ {4}(\S.*?) +# /gm)].map(([, command]) => command!);
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const argv = ['-c', `. "$1"; ${command}`, 'bash', file!];
      const { status, stdout, stderr } = spawnSync('bash', argv, { encoding: 'utf8' });
      expect(status, `${command}: ${stdout}${stderr}`).toBe(command === 'weir diff' ? 1 : 0);
      expect(stderr, command).toBe('');
      if (!command.startsWith('sed ')) expect(stdout, command).not.toBe('');
    }
    expect(traces(demo)).not.toEqual([]);
    expect(await startDemo('--down').end()).toBe(0);
    expect(traces(demo)).toEqual([]);
  },
  timeout,
);
