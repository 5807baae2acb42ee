import { describe, expect, it } from 'vitest';
import { errnoName, KernelError } from './errors.ts';

describe('errnoName', () => {
  it.each([
    [1, 'EPERM'],
    [-17, 'EEXIST'],
    [11, 'EAGAIN'],
    [95, 'EOPNOTSUPP'],
    [524, 'ENOTSUPP'],
    [9999, 'errno 9999'],
  ])('%i is %s', (errno, name) => {
    expect(errnoName(errno)).toBe(name);
  });
});

describe('KernelError', () => {
  it('says what was called, what the errno means, and the detail', () => {
    const error = new KernelError('bpf(BPF_MAP_CREATE)', -1, 'run as root');
    expect(error.message).toBe('bpf(BPF_MAP_CREATE): operation not permitted (EPERM); run as root');
    expect(error).toMatchObject({
      call: 'bpf(BPF_MAP_CREATE)',
      errno: 1,
      code: 'EPERM',
      name: 'KernelError',
    });
  });
});
