import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { draftOf, readDraft } from './draft.ts';
import { readPlain } from './plain.ts';
import { configSchema } from './schema.ts';
import { readYaml } from './yaml.ts';

const folder = new URL('../../samples/', import.meta.url);
const MORE = `director: {public: [eth0, eth2], private: eth1}
vips: [{address: 203.0.113.7}, {address: 10.0.0.1/8, interface: eth2, label: "eth2:1"}]
masquerade: [{source: 192.168.1.7/24}, {source: 10.1.0.0/16, interface: eth2}]
host: {sysctls: {net/core/somaxconn: 7, odd.name: 1}}
limits: {services: 4K}
services:
  - {protocol: udp, address: 2001:db8::7, port: 53, scheduler: sh, scheduler_flags: [sh-port, sh-fallback], servers: [{address: 2001:db8::8}, {address: 2001:db8::9, port: 5353}]}
`;

describe('draftOf', () => {
  const samples = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);
  it.each([...samples, ['more', MORE]])('gives for %s what readDraft gives', (_, text) => {
    const value = readPlain(text!)?.value ?? readYaml(text!).document?.toJS();
    expect(draftOf(configSchema.parse(value))).toEqual({
      ...readDraft(value),
      limits: configSchema.parse(value).limits,
    });
    expect(configSchema.parse(value).limits).toMatchObject(readDraft(value).limits);
  });
});
