/** Regular expressions that never end, over words that servers choose for that. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../core/address/address.ts';
import { type Check, checkKey } from '../core/model/check.ts';
import { Connector } from '../kernel/connector.ts';
import { Pinger } from '../kernel/pinger.ts';
import { askBy } from './attempt.ts';
import { noteGroups } from './groups.ts';
import { matcher, TOO_LONG } from './regex.ts';
import { Runner } from './runner.ts';
import { LOOPBACK, make, TIMING, testServers } from './servers.fixture.ts';
import { watchStalls } from './stalls.ts';

/** Doubles its time with each letter: of forty it would take hours. */
const ENDLESS = '(a+)+$';
const HOSTILE = `${'a'.repeat(40)}!`;

const servers = testServers();
afterAll(() => servers.end());

describe('a match', () => {
  it('is what it is without a limit', () => {
    const match = matcher();
    expect(match(/b(c)/su, 'abcd')).toMatchObject({ 0: 'bc', 1: 'c', index: 1 });
    expect(match(/x/su, 'abcd')).toBeNull();
  });

  it('is stopped when it takes too long, and so is what comes after it in the same check', () => {
    const match = matcher();
    expect(() => match(new RegExp(ENDLESS, 'us'), HOSTILE)).toThrow(TOO_LONG);
    expect(() => match(/a/su, 'a')).toThrow(TOO_LONG);
    expect(matcher()(/a/su, 'a')).not.toBeNull();
  });

  it('is begun again while the processor had no time for it, and then held against nobody', () => {
    let reads = 0;
    const idle = () => {
      reads++;
      return 0;
    };
    expect(() => matcher(idle)(new RegExp(ENDLESS, 'us'), HOSTILE)).toThrow(
      'the director itself is too busy',
    );
    expect(reads).toBe(20);
  });
});

describe('a check whose regular expression never ends', () => {
  const at = (port: number) => ({ address: LOOPBACK, port, ...TIMING, timeout: 30_000 });
  const http = (port: number): Check => ({
    ...{ type: 'http', ...at(port), method: 'GET', path: '/', status: [[200, 299]] },
    body: { regex: ENDLESS },
  });

  it('fails and says so, over a body', async () => {
    const port = await servers.listen(createServer((_, response) => response.end(HOSTILE)));
    expect(await make(http(port))).toMatchObject({ outcome: 'failed', reason: TOO_LONG });
  });

  it('fails and says so, over what comes byte by byte', async () => {
    const port = await servers.raw(async (socket) => {
      socket.setNoDelay();
      for (let sent = 0; sent < 1_000 && socket.writable; sent++) {
        socket.write('a');
        await new Promise(setImmediate);
      }
    });
    const check: Check = { type: 'steps', ...at(port), steps: [{ expect: 'a' }, { regex: '(a+)+b' }] };
    expect(await make(check)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining(`step 2 of 2: ${TOO_LONG}`),
    });
  });

  it('fails and says so, over a datagram', async () => {
    const socket = createSocket('udp4');
    socket.on('message', (_, { port, address }) => socket.send(HOSTILE, port, address));
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    try {
      const check: Check = { type: 'udp', ...at(socket.address().port), regex: ENDLESS };
      expect(await make(check)).toMatchObject({ outcome: 'failed', reason: TOO_LONG });
    } finally {
      socket.close();
    }
  });

  it('leaves the others their turns', async () => {
    const port = await servers.listen(createServer((_, response) => response.end(HOSTILE)));
    const connector = new Connector();
    const pinger = new Pinger();
    const changes = new Map<string, string>();
    const stalls = watchStalls();
    const runner = new Runner({
      ask: askBy({ connector, pinger, watch: noteGroups(undefined) }),
      stalls,
      random: Math.random,
      changed: (key, { verdict, last }) => changes.set(key, `${verdict}: ${last?.reason}`),
    });
    const hostile = { ...http(port), interval: 500, timeout: 500 };
    const others = [1, 2, 3, 4].map(
      (last): Check => ({
        ...{ type: 'tcp', ...TIMING, interval: 500, timeout: 500, port },
        address: parseAddress(`127.0.0.${last}`)!,
      }),
    );
    // Only the first of these has somebody who listens.
    const all = [hostile, ...others].map((check) => ({ key: checkKey(check), check }));
    runner.set(all);
    await expect.poll(() => runner.report().made, { interval: 50 }).toBeGreaterThanOrEqual(25);
    expect([...all].map(({ key }) => changes.get(key))).toEqual([
      `down: ${TOO_LONG}`,
      'up: connected',
      ...Array(3).fill('down: connection refused'),
    ]);
    runner.close();
    connector.close();
    pinger.close();
  });
});
