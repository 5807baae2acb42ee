import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

describe('nearest', () => {
  it('counts slips', () => {
    expect(editDistance('wlc', 'wlc')).toBe(0);
    expect(editDistance('wlx', 'wlc')).toBe(1);
    expect(editDistance('eht0', 'eth0')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('offers a word only when one is near', () => {
    const words = ['protocol', 'address', 'port', 'scheduler', 'timeouts', 'servers', 'fin_wait'];
    expect(nearest('sheduler', words)).toBe('scheduler');
    expect(nearest('Fin-Wait', words)).toBe('fin_wait');
    expect(nearest('server', words)).toBe('servers');
    expect(nearest('persistence', words)).toBeUndefined();
    expect(nearest('x'.repeat(100_000), words)).toBeUndefined();
    expect(nearest('rr', [])).toBeUndefined();
  });
});
