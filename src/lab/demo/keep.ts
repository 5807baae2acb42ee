/** Leaves the demo's lab up with weir running, and tells how to go on. */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { weirProgram } from '../programs.ts';
import { removeStaleLabs } from '../remove.ts';
import { type Cast, demoPrefix, vip } from './cast.ts';

const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Shell functions that run commands inside the lab, for a shell to read. */
function shellFunctions(lab: Lab, configFile: string): string {
  const inside = (netns: string): string => `nsenter --net=/run/netns/${netns}`;
  const node = quote(process.execPath);
  return [
    'weir() {',
    `  ${inside(lab.director.netns)} \\`,
    `    ${node} ${quote(weirProgram())} "$@" \\`,
    `    --config ${quote(configFile)} \\`,
    `    --run-dir ${quote(lab.runDir)} --state-dir ${quote(lab.stateDir)} \\`,
    `    --pin-dir ${quote(lab.pinDir)}`,
    '}',
    `director() { ${inside(lab.director.netns)} "$@"; }`,
    `client() { ${inside(lab.clients[0]!.netns)} "$@"; }`,
    'get() {',
    `  client ${node} -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => console.log(t.trim()))' "$1"`,
    '}',
    `config=${quote(configFile)}`,
    `log=${quote(join(lab.logDir, 'weir.log'))}`,
    '',
  ].join('\n');
}

/** A daemon that outlives this program: in a session of its own, with its log in a file. */
async function startForGood({ lab, weir, stage, daemon }: Cast): Promise<void> {
  await daemon.stop(10_000);
  const log = openSync(join(lab.logDir, 'weir.log'), 'a');
  const words = ['run', '--config', weir.configFile, '--run-dir', lab.runDir];
  const places = ['--state-dir', lab.stateDir, '--pin-dir', lab.pinDir];
  const argv = lab.argvIn(lab.director, [process.execPath, weirProgram(), ...words, ...places]);
  spawn(argv[0]!, argv.slice(1), { detached: true, stdio: ['ignore', log, log] }).unref();
  for (let tries = 0; ; tries += 1) {
    if ((await weir.exec(['diff'])).code === 0) return;
    stage.check(tries < 50, `weir run did not come up again; see ${join(lab.logDir, 'weir.log')}`);
    await wait(200);
  }
}

/** Keeps the lab and prints what can be done with it. */
export async function keepUp(cast: Cast): Promise<void> {
  const { stage, lab, weir } = cast;
  await startForGood(cast);
  const file = join(lab.runDir, 'try.sh');
  const functions = shellFunctions(lab, weir.configFile);
  await writeFile(file, functions);
  stage.say('The network stays up, and weir runs in it. In a root shell of your own, begin with:');
  stage.gap();
  stage.show(`. ${file}`);
  stage.gap();
  stage.say('That file names the commands that work inside the network:');
  stage.gap();
  stage.show(stage.style.dim(functions));
  stage.gap();
  stage.say('Then try:');
  stage.gap();
  const ideas: readonly (readonly [string, string])[] = [
    [`get http://${vip}/`, 'one request from client1'],
    [`get http://${vip}/who`, 'whom the server sees: the client itself'],
    ['weir status', 'whether all is well, on one screen'],
    ['weir services', 'who has how many connections'],
    ['weir stats', 'packets and bytes, and what became of the rest'],
    ['weir connections --limit 10', 'the connection table'],
    ['sed -i "s/weight: 2/weight: 0/" $config', 'server2 shall take no new connection'],
    ['weir check', 'is the file good?'],
    ['weir diff', 'what would a reload change? (exit code 1: something)'],
    ['weir reload', 'change it'],
    ['tail -n 3 $log', 'what weir run did'],
    ['director ip address show eth0', 'the VIP, with its label'],
    ['director nft list ruleset', 'the masquerading of the servers’ own traffic'],
    ['weir down', 'ends weir and puts the director back'],
  ];
  const width = Math.max(...ideas.map(([words]) => words.length));
  stage.show(
    ideas.map(([words, purpose]) => `${words.padEnd(width)}  ${stage.style.dim(`# ${purpose}`)}`).join('\n'),
  );
  stage.gap();
  stage.say('And to end it, network and all:');
  stage.gap();
  stage.show('make demo-down');
  lab.keep();
}

/** Removes the labs that were kept; returns their names. */
export function removeKept(): string[] {
  return removeStaleLabs({ kept: true, prefix: demoPrefix });
}
