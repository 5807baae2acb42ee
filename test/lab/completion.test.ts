/** Completion by a real bash: its script is read there, and lines are completed as readline has them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { cliRig } from '../../src/cli/main.fixture.ts';

const WEIR = fileURLToPath(new URL('../../dist/weir.js', import.meta.url));
const rig = cliRig();

/**
 * What bash would offer at the end of `line`. Readline hands the line over cut at spaces, and at colons and
 * equals signs, each of which is a word of its own (bash(1), COMP_WORDS).
 */
async function offered(line: string): Promise<readonly string[]> {
  const cut = line.split(/\s+|(?<=[:=])(?=[^\s])|(?=[:=])/);
  const script = `
    weir() { node ${WEIR} "$@"; }
    source <(weir completion bash) || exit
    shift
    COMP_LINE=$LINE COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_POINT=\${#LINE}
    _weir weir "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, LINE: line };
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', '', ...cut], { env });
  return stdout.split('\n').filter((one) => one !== '');
}

test('verbs, options, values, and what the daemon has', async () => {
  await rig.serve();
  const weir = `weir --run-dir ${rig.dir}`;
  const { out } = await rig.weir('services -o json');
  const keys = (JSON.parse(out) as { readonly key: string }[]).map(({ key }) => key.replace(' ', '/'));
  const key = keys.find((one) => /^tcp\/[\d.]+:\d+$/.test(one)) ?? '';
  const [address = '', port] = key.split(':');
  const lines = ['weir undr', 'weir migrate --to ', 'weir services --output=y', `${weir} services `];
  const [verb, planes, format, services] = await Promise.all(lines.map(offered));
  expect({ verb, planes, format }).toEqual({ verb: ['undrain'], planes: ['bpf', 'ipvs'], format: ['yaml'] });
  expect(services).toEqual(keys);
  // Of a word with a colon readline puts in the part behind it.
  expect(await offered(`${weir} services ${address}:`)).toContain(port);
});

test('nothing, and no message, where no daemon answers', async () => {
  expect(await offered('weir --run-dir /nowhere drain ')).toEqual([]);
});
