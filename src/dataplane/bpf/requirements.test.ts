import { describe, expect, it } from 'vitest';
import { missingRequirements } from './requirements.ts';

const machine = { release: '6.6.0', platform: 'linux', endianness: 'LE', uid: 0 } as const;

describe('requirements', () => {
  it('accept what came after 6.1', () => {
    for (const release of ['6.2.0', '6.12.38+deb13-amd64', '7.0.1-rc1'])
      expect(missingRequirements({ ...machine, release })).toEqual([]);
  });

  it('name the missing feature and the kernel that is there', () => {
    const [message] = missingRequirements({ ...machine, release: '6.1.0-56-amd64' });
    expect(message).toMatch(/6\.2 or newer .*, for stacks in syscall programs; this is 6\.1\.0-56-amd64/);
    expect(missingRequirements({ ...machine, release: '4.19.0' })).toHaveLength(1);
  });

  it('refuse other systems and byte orders', () => {
    expect(missingRequirements({ ...machine, platform: 'darwin' })).toHaveLength(1);
    expect(missingRequirements({ ...machine, endianness: 'BE' })).toHaveLength(1);
  });
});
