/** A weight changes in the file, and the running director follows. */
import { readFile } from 'node:fs/promises';
import { type Cast, runVerb } from './cast.ts';
import { showSpread } from './spread.ts';

/** The file's text with another weight for one server; undefined when it has no such server. */
function withWeight(text: string, server: string, weight: number): string | undefined {
  const pattern = new RegExp(`(address: ${server.replaceAll('.', '\\.')},.*weight: )\\d+`);
  return pattern.test(text) ? text.replace(pattern, `$1${weight}`) : undefined;
}

/** Changes server1's weight from 3 to 1 and shows the difference, the reload and the new distribution. */
export async function showReload(cast: Cast): Promise<void> {
  const { stage, weir, lab, client1 } = cast;
  const [server1] = lab.servers;
  const changed = withWeight(await readFile(weir.configFile, 'utf8'), server1!.ipv4, 1);
  stage.check(changed !== undefined, `samples/demo.yaml gives ${server1!.ipv4} no weight`);
  await weir.writeConfig(changed!);
  stage.say(
    `server1 shall get less: in the file its weight becomes 1. "weir diff" tells what a reload would change, and changes nothing itself.`,
  );
  const difference = await weir.exec(['diff', '--color', stage.style.isColorSupported ? 'always' : 'never']);
  stage.check(difference.code === 1, `weir diff ended with ${difference.code}: ${difference.stderr}`);
  stage.command('weir diff', difference.stdout);
  stage.gap();
  stage.say(
    '"weir reload" does it. No connection notices: each stays with its server, new ones go by the new weights.',
  );
  stage.command('weir reload', await runVerb(cast, 'reload'));
  stage.gap();
  stage.say('120 more requests:');
  stage.gap();
  await showSpread(cast, client1, [1, 2, 1]);
}
