import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Config } from '../core/model/config.ts';
import { ownTexts } from './own-text.ts';
import { parseConfig } from './parse.ts';

test('own texts are the texts that were given', () => {
  const own = ownTexts();
  for (const text of [
    '',
    'short',
    '192.168.101.101',
    'a "quoted" \\ text',
    'with half a pair \ud800 of surrogates',
  ])
    expect(own(text)).toBe(text);
});

/** Bytes in use on the heap once all garbage is collected. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const MEBIBYTE = 2 ** 20;
const ROUNDS = 6;

/** Four mebibytes of a comment after a configuration; `more` is what decides who reads it. */
const textOf = (round: number, more: string) => `director: {public: eth0, private: eth1}
services:
  - {protocol: tcp, address: 203.113.113.${100 + round}, port: 80, servers: [{address: 192.168.101.101, port: 80}]}
${more}#${'x'.repeat(4 * MEBIBYTE)}
`;

test.each([
  ['in plain YAML', 'timeouts: {udp: 5m}\n'],
  ['that takes the whole of YAML', 'timeouts: &same {udp: "5\\u006d"}\n'],
])('a configuration %s keeps nothing of the text that it was read from', (_, more) => {
  const kept: Config[] = [];
  const before = heapBytes();
  for (let round = 0; round < ROUNDS; round++) {
    const read = parseConfig(textOf(round, more), 'weir.yaml');
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    kept.push(read.config);
  }
  expect((heapBytes() - before) / MEBIBYTE).toBeLessThan(8);
  expect(kept.map(({ services }) => services[0]?.address)).toContain('203.113.113.105');
});
