import { describe, expect, it } from 'vitest';
import { missingRequirements } from './requirements.ts';

const machine = { release: '6.6.0', platform: 'linux', endianness: 'LE', uid: 0 } as const;

describe('requirements', () => {
  it('accept 5.17 and what came after', () => {
    for (const release of ['5.17.0', '6.1.0-40-amd64', '6.12.38+deb13-amd64', '7.0.1-rc1'])
      expect(missingRequirements({ ...machine, release })).toEqual([]);
  });

  it('name the missing feature and the kernel that is there', () => {
    const [message] = missingRequirements({ ...machine, release: '5.15.0-91-generic' });
    expect(message).toMatch(/5\.17 or newer, for bpf_loop; this is 5\.15\.0-91-generic/);
    expect(missingRequirements({ ...machine, release: '4.19.0' })).toHaveLength(1);
  });

  it('refuse other systems and byte orders', () => {
    expect(missingRequirements({ ...machine, platform: 'darwin' })).toHaveLength(1);
    expect(missingRequirements({ ...machine, endianness: 'BE' })).toHaveLength(1);
  });
});
