/** The generated twin of bpf/contract.h against the BTF that clang wrote into the object. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { MAX_NESTED } from '../../src/config/group-checks.ts';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { CONNECTION_STATES } from '../../src/core/model/state.ts';
import { MAX_RING } from '../../src/core/schedule/wrr.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly { name: string; bits_offset: number }[];
}

function btf(): BtfType[] {
  const text = execFileSync(
    'bpftool',
    ['-j', 'btf', 'dump', 'file', 'dist/director.bpf.o', 'format', 'raw'],
    {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    },
  );
  return (JSON.parse(text) as { types: BtfType[] }).types;
}

describe('contract', () => {
  const structs = new Map(
    btf()
      .filter(({ kind }) => kind === 'STRUCT')
      .map((type) => [type.name, type]),
  );

  it.each(Object.keys(contract.LAYOUTS))('has %s as clang laid it out', (name) => {
    const ours = contract.LAYOUTS[name as keyof typeof contract.LAYOUTS];
    const theirs = structs.get(name);
    expect(theirs, `${name} in the BTF`).toBeDefined();
    expect(theirs!.size).toBe(ours.size);
    expect(
      Object.fromEntries(theirs!.members!.map((member) => [member.name, member.bits_offset / 8])),
    ).toEqual(ours.fields);
  });

  it('names states and schedulers in one order', () => {
    const numbers = contract as unknown as Record<string, number>;
    CONNECTION_STATES.forEach((name, i) => {
      expect(numbers[`WEIR_STATE_${name}`]).toBe(contract.WEIR_STATE_NONE + i);
    });
    SCHEDULERS.forEach((name, i) => {
      expect(numbers[`WEIR_SCHEDULER_${name.toUpperCase()}`]).toBe(i);
    });
    expect(contract.WEIR_SCHEDULER_MAX).toBe(SCHEDULERS.length);
    expect(contract.WEIR_MAX_RING).toBe(MAX_RING);
    expect(contract.WEIR_MAX_NESTED).toBe(MAX_NESTED);
  });
});
