/** Listings of `weir` against a real control socket: services, servers, counters, connections. */
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CONNECTIONS, SERVICES } from '../api/control.fixture.ts';
import type { Connection } from '../core/model/connection.ts';
import { cliRig, lines, terminal } from './main.fixture.ts';

const rig = cliRig();
const { serve, weir } = rig;

describe('weir services', () => {
  test('is a table with the servers below their service', async () => {
    await serve();
    const { code, out, err } = await weir('services 203.0.113.100:80');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines(out)).toEqual([
      'SERVICE / SERVER      WEIGHT  ACTIVE  INACT  SHARE',
      'tcp 203.0.113.100:80  wlc',
      '  192.168.1.101:8080       3     120     44    76%  ███████████████▏',
      '  192.168.1.102:8080       1      39     12    24%  ████▊',
      '  192.168.1.103:8080       0       2      0     1%  ▏',
    ]);
  });

  test('shows the flags of a scheduler', async () => {
    await serve();
    expect(lines((await weir('services 203.0.113.100:53')).out)[1]).toBe(
      'udp 203.0.113.100:53  sh (sh-port)',
    );
  });

  test('without titles, and exact for programs', async () => {
    await serve();
    expect(lines((await weir('services --no-headers')).out)[0]).toBe('tcp 203.0.113.100:80  wlc');
    expect(JSON.parse((await weir('services -o json')).out)).toEqual(SERVICES);
    expect(parse((await weir('-o yaml services')).out)).toEqual(SERVICES);
  });

  test.each(['services', 'services -o wide', 'servers', 'stats', 'connections', 'version'])(
    '%s fits a terminal of 80 columns, long IPv6 addresses included',
    async (line) => {
      await serve();
      const { out } = await weir(line, { ...terminal, env: { NO_COLOR: '1' } });
      expect(Math.max(...lines(out).map((one) => one.length))).toBeLessThanOrEqual(80);
    },
  );

  test('says when there are none', async () => {
    await serve({ services: async () => [] });
    expect(await weir('services --no-headers')).toMatchObject({ code: 0, out: '', err: 'no services\n' });
  });

  test('knows a service by key, endpoint or address, and says which there are', async () => {
    await serve();
    for (const name of ['tcp/203.0.113.100:80', '203.0.113.100:80'])
      expect(JSON.parse((await weir(`services ${name} -o json`)).out)).toEqual([SERVICES[0]]);
    expect(JSON.parse((await weir('services 203.0.113.100 -o json')).out)).toHaveLength(2);
    const missing = await weir('services 203.0.113.100:81');
    expect(missing).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('there is tcp 203.0.113.100:80'),
    });
    expect(await weir('servers web')).toMatchObject({ code: 2 });
  });
});

describe('weir servers and stats', () => {
  test('servers are one to a line', async () => {
    await serve();
    const { out } = await weir('servers 203.0.113.100 --no-headers');
    expect(lines(out)).toHaveLength(4);
    expect(lines(out)[0]).toBe('192.168.1.101:8080  tcp 203.0.113.100:80       3     120     44  up');
    expect(lines(out)[1]).toBe(
      '192.168.1.102:8080  tcp 203.0.113.100:80       0      39     12  down    connection refused, since 2026-11-22T14:03:00Z',
    );
    expect(lines(out)[3]).toMatch(/ 0 {2}- *$/);
  });

  test('stats count in thousands for people and exactly for programs, with the verdicts below', async () => {
    await serve();
    const { out } = await weir('stats');
    expect(out).toMatch(/^ {2}192\.168\.1\.101:8080 +111K +663K +553K +53\.1M +521M$/m);
    expect(out).toMatch(/^VERDICT +PACKETS\nforwarded +1\.20M\n/m);
    expect((await weir('stats -o wide')).out).toMatch(/^forwarded +1204881$/m);
    const { services, verdicts } = JSON.parse((await weir('stats -o json')).out);
    expect(services).toEqual(SERVICES);
    expect(verdicts).toMatchObject({ forwarded: 1_204_881 });
    expect((await weir('stats 203.0.113.100:53')).out).not.toContain('VERDICT');
  });
});

describe('weir connections', () => {
  test('has the columns of ipvsadm -Lnc', async () => {
    await serve();
    const { out } = await weir('connections --service tcp/203.0.113.100:80');
    expect(lines(out)).toEqual([
      'PRO EXPIRE STATE       SOURCE             VIRTUAL          DESTINATION',
      'tcp  14:59 ESTABLISHED 203.0.113.10:41872 203.0.113.100:80 192.168.1.101:8080',
      'tcp  08:32 ESTABLISHED 203.0.113.11:50112 203.0.113.100:80 192.168.1.102:8080',
      'tcp  01:01 FIN_WAIT    203.0.113.10:41870 203.0.113.100:80 192.168.1.103:8080',
    ]);
  });

  test('that do not fit a terminal have their ends below each other', async () => {
    await serve();
    const { out } = await weir(
      'connections --no-headers --client 2001:db8:1234:5678:9abc:def0:1234:5678',
      terminal,
    );
    expect(lines(out)).toEqual([
      'tcp  00:59 SYN_RECV    [2001:db8:1234:5678:9abc:def0:1234:5678]:54321',
      '                     → [2001:db8:aaaa:bbbb:cccc:dddd:eeee:100]:443',
      '                     → [fd00:1111:2222:3333:4444:5555:6666:101]:8443',
    ]);
  });

  test('are a JSON array, or YAML, whatever number there is', async () => {
    await serve();
    expect(JSON.parse((await weir('connections -o json')).out)).toEqual(CONNECTIONS);
    expect(JSON.parse((await weir('connections -o json --limit 1')).out)).toEqual(CONNECTIONS.slice(0, 1));
    expect(parse((await weir('connections -o yaml')).out)).toEqual(CONNECTIONS);
    const none = await weir('connections -o json --client 192.0.2.9');
    expect(none).toMatchObject({ code: 0, out: '[]\n', err: 'no connections\n' });
    expect(parse((await weir('connections -o yaml --client 192.0.2.9')).out)).toEqual([]);
  });

  test('are written chunk by chunk, and the walk ends when the reader of a pipe goes', async () => {
    let walking!: () => void;
    const stopped = new Promise<void>((resolve) => {
      walking = resolve;
    });
    async function* endless(): AsyncIterable<readonly Connection[]> {
      try {
        for (;;) {
          yield CONNECTIONS;
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        walking();
      }
    }
    await serve({ connections: endless });
    let taken = 0;
    const head = new Writable({
      write(_chunk, _encoding, done) {
        taken++;
        done(taken < 3 ? null : Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    expect(await weir('connections -o json', { stdout: head })).toMatchObject({ code: 0, err: '' });
    await stopped;
    expect(taken).toBe(3);
  });

  test.each([
    ['--client nobody', 2, 'neither an address'],
    ['--limit 0', 2, 'whole number'],
    ['--service 203.0.113.100', 2, 'name one of them'],
    ['--service tcp/203.0.113.9:1', 3, 'no service'],
  ])('%s is refused', async (line, code, words) => {
    await serve();
    expect(await weir(`connections ${line}`)).toMatchObject({
      code,
      out: '',
      err: expect.stringContaining(words),
    });
  });
});
