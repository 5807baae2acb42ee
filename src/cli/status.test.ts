/** `weir status` over the director in memory. */
import { describe, expect, test } from 'vitest';
import { SERVICES } from '../api/control.fixture.ts';
import { cliRig } from './main.fixture.ts';

const { serve, weir } = cliRig();

describe('weir status', () => {
  test('says on one screen who runs and how much takes connections', async () => {
    await serve();
    const { code, out, err } = await weir('status');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^weir 0\.1\.0: all is as configured\ndaemon {7}pid 4242, since /);
    expect(out).toContain('services     3\n');
    expect(out).toMatch(/\nservers {6}\d+: \d+ take connections, /);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(160);
  });

  test('names what is not as configured, and ends with 1', async () => {
    await serve({ readiness: () => ({ ready: false, detail: 'eth1 is down' }) });
    expect(await weir('status')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^weir 0\.1\.0: not as configured: eth1 is down\n/),
    });
  });

  test('names services that have no server, five at most, and ends with 1', async () => {
    const alone = Array.from({ length: 7 }, (_, i) => ({
      ...SERVICES[0]!,
      key: `tcp 203.0.113.${i}:80` as (typeof SERVICES)[0]['key'],
    }));
    await serve({ services: async () => alone, servers: async () => [] });
    const { code, out } = await weir('status');
    expect(code).toBe(1);
    expect(out).toContain('7 without a server that takes connections: tcp 203.0.113.0:80, ');
    expect(out).toContain('tcp 203.0.113.4:80, …\n');
    expect(JSON.parse((await weir('status -o json')).out)).toMatchObject({ ready: true, services: 7 });
  });

  test('without a daemon ends with 4 and advice', async () => {
    expect(await weir('status')).toMatchObject({
      code: 4,
      out: '',
      err: expect.stringContaining('weir run'),
    });
  });
});
