/** The udp check against sockets of this process. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { UdpCheck } from '../core/model/check.ts';
import { LOOPBACK, make, TIMING } from './servers.fixture.ts';

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

async function listen(answer: (socket: Socket, heard: Buffer, from: RemoteInfo) => void): Promise<number> {
  const socket = createSocket('udp4');
  open.push(socket);
  socket.on('message', (heard, from) => answer(socket, heard, from));
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket.address().port;
}

const udpAt = (port: number, more: Partial<UdpCheck> = {}) =>
  make({ type: 'udp', address: LOOPBACK, port, ...TIMING, timeout: 150, ...more });

describe('a udp check', () => {
  it('wants the right answer where one is expected, whatever comes before it', async () => {
    const heard: string[] = [];
    const port = await listen((socket, said, { port: to, address }) => {
      heard.push(said.toString('latin1'));
      for (const answer of ['noise', 'P\xffNG'])
        socket.send(Buffer.from(answer, 'latin1'), to, address, () => {});
    });
    expect(await udpAt(port, { send: 'p\x00', expect: 'P\xffNG' })).toMatchObject({
      outcome: 'passed',
      reason: 'answered as expected',
    });
    expect(await udpAt(port, { regex: '^P.NG$' })).toMatchObject({ outcome: 'passed' });
    expect(heard).toEqual(['p\x00', '']);
    expect(await udpAt(port, { send: 'x', expect: 'other' })).toMatchObject({
      outcome: 'failed',
      reason: 'no right answer within 150 ms; it said "P.NG"',
    });
  });

  it('takes silence for a failure where an answer is expected, and for none elsewhere', async () => {
    const port = await listen(() => {});
    expect(await udpAt(port, { expect: 'x' })).toMatchObject({
      outcome: 'failed',
      reason: 'no answer within 150 ms',
    });
    expect(await udpAt(port)).toMatchObject({ outcome: 'passed', reason: 'not refused' });
  });

  it('fails when nobody has the port', async () => {
    const port = await listen(() => {});
    const socket = open.pop()!;
    socket.close();
    await once(socket, 'close');
    const refused = { outcome: 'failed', reason: 'connection refused' };
    expect(await udpAt(port, { timeout: 1_000 })).toMatchObject(refused);
    expect(await udpAt(port, { timeout: 1_000, expect: 'x' })).toMatchObject(refused);
  });

  it('hears nobody but the server that it asks', async () => {
    const stranger = createSocket('udp4');
    open.push(stranger);
    const port = await listen((socket, _, { port: to, address }) => {
      stranger.send('OK', to, address, () => socket.send('NO', to, address));
    });
    expect(await udpAt(port, { expect: 'OK' })).toMatchObject({
      reason: expect.stringContaining('it said "NO"'),
    });
  });

  it('says nothing of a server when the director has not got the address to ask from', async () => {
    const source = '203.0.113.77' as UdpCheck['address'];
    expect(await udpAt(await listen(() => {}), { source })).toMatchObject({ outcome: 'void' });
  });

  it('survives a flood of wrong answers until its time is over', async () => {
    const port = await listen((socket, _, { port: to, address }) => {
      for (let i = 0; i < 500; i++) socket.send(Buffer.alloc(1_400, 'x'), to, address, () => {});
    });
    expect(await udpAt(port, { expect: 'OK' })).toMatchObject({ outcome: 'failed' });
  });
});
