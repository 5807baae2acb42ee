/** What may stand where a line ends. */
import { describe, expect, test } from 'vitest';
import { complete } from './complete.ts';
import { programModel } from './program.ts';

const model = programModel();
const at = (line: string) => complete(model, line.split(' '));
const words = (line: string) => at(line).words.map(([word]) => word);

describe('completion', () => {
  test('verbs, with what they are for', () => {
    expect(at('dr').words).toEqual([['drain', 'give a server no new connections']]);
    expect(words('')).toEqual([...model.verbs.map(({ name }) => name), 'help']);
    expect(words('help und')).toEqual(['undrain']);
    expect(words('help undrain ')).toEqual([]);
    expect(words('nonsense ')).toEqual(expect.arrayContaining(['drain']));
  });

  test('options: those of the verb and those of all verbs', () => {
    expect(words('drain --dead')).toEqual(['--deadline']);
    expect(words('--dead')).toEqual([]);
    expect(words('services --run')).toEqual(['--run-dir']);
    expect(words('agent -- --st')).toEqual([]);
  });

  test('values of options', () => {
    expect(words('migrate --to ')).toEqual(['bpf', 'ipvs']);
    expect(words('services -o j')).toEqual(['json']);
    expect(words('services --output=j')).toEqual(['--output=json']);
    expect(at('-c ')).toMatchObject({ paths: 'files', words: [] });
    expect(at('run --pin-dir ')).toMatchObject({ paths: 'dirs', words: [] });
    expect(at('import --public ')).toMatchObject({ live: ['interface'] });
    expect(at('connections --service=')).toMatchObject({ live: ['service'], before: '--service=' });
    expect(at('drain --reason ')).toMatchObject({ live: [], paths: undefined, words: [] });
  });

  test('operands, however many options stand between', () => {
    expect(at('drain ')).toMatchObject({ live: ['server'] });
    expect(at('drain --reason why ')).toMatchObject({ live: ['server'] });
    expect(at('--no-headers services ')).toMatchObject({ live: ['service'] });
    expect(at('services one ')).toMatchObject({ live: [], words: [] });
    expect(words('import ')).toEqual(['ipvsadm']);
    expect(at('import ipvsadm ')).toMatchObject({ paths: 'files' });
    expect(words('overrides d')).toEqual(['drop']);
    expect(at('overrides drop one ')).toMatchObject({ live: ['service', 'server'] });
  });

  test('the run directory that the line names is the one to ask', () => {
    expect(at('--run-dir /tmp/one services ').runDir).toBe('/tmp/one');
    expect(at('services ').runDir).toBeUndefined();
  });
});
