import { describe, expect, it } from 'vitest';
import { NO_RULES } from '../core/model/rule-override.ts';
import { checkConfig } from './read-config.ts';
import { writtenText } from './write-overrides.ts';

const REST = `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    servers: [{address: 192.168.1.101}]   # the old one
`;

/** The file with the plane that was chosen over it. */
function written(head: string, chosen: 'bpf' | 'ipvs' | undefined, rest = REST) {
  const read = checkConfig({ text: `${head}${rest}`, file: 'weir.yaml' }, 'ipvs', 'ipvs');
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return writtenText({ read, rules: NO_RULES, config: read.config, states: [], running: 'ipvs', chosen });
}

describe('the data plane that was chosen over the file', () => {
  it('is written in the place of the other one, and its comment stays', () => {
    const result = written('# Which one.\ndataplane: auto   # whatever there is\n', 'ipvs');
    if (!result.ok) throw new Error(result.problems.join('\n'));
    expect(result.read.text).toBe(`# Which one.\ndataplane: ipvs # whatever there is\n${REST}`);
    expect(result).toMatchObject({ count: 1, read: { config: { dataplane: 'ipvs' } } });
    expect(result.lines).toEqual([
      '- 2: dataplane: auto   # whatever there is',
      '+ 2: dataplane: ipvs # whatever there is',
    ]);
  });

  it('becomes a key where the file has none', () => {
    const result = written('', 'ipvs');
    if (!result.ok) throw new Error(result.problems.join('\n'));
    expect(result.lines).toHaveLength(1);
    expect(result.read.config.dataplane).toBe('ipvs');
    expect(result.read.text).toContain('   # the old one\n');
  });

  it('is nothing to write while the file decides', () => {
    expect(written('dataplane: ipvs\n', undefined)).toMatchObject({ ok: true, count: 0, lines: [] });
  });
});
