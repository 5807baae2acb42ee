/** The dns check against a small server of this process, good and bad. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { DnsCheck } from '../core/model/check.ts';
import { LOOPBACK, make, TIMING } from './servers.fixture.ts';

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

/** A server that answers each question by what `answer` makes of it; none for undefined. */
async function listen(answer: (question: Buffer) => readonly Buffer[]): Promise<number> {
  const socket = createSocket('udp4');
  open.push(socket);
  socket.on('message', (question, { port, address }) => {
    for (const one of answer(question)) socket.send(one, port, address, () => {});
  });
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket.address().port;
}

const A = Buffer.from('c00c000100010000003c0004c0000201', 'hex');
/** The answer to a question, with records. */
function answerTo(question: Buffer, rcode: number, ...records: Buffer[]): Buffer {
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode, 2);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question.subarray(12), ...records]);
}

const dnsAt = (port: number, more: Partial<DnsCheck> = {}) =>
  make({
    ...{ type: 'dns', address: LOOPBACK, port, ...TIMING, timeout: 200 },
    ...{ name: 'www.example.com', record: 'A', rcode: 'noerror', ...more },
  });

describe('a dns check', () => {
  it('wants a record, and the address that it is told', async () => {
    const ids = new Set<number>();
    const port = await listen((question) => {
      ids.add(question.readUInt16BE(0));
      return [answerTo(question, 0, A)];
    });
    expect(await dnsAt(port)).toMatchObject({ outcome: 'passed', reason: '1 record' });
    expect(await dnsAt(port, { answer: '192.0.2.1' })).toMatchObject({ outcome: 'passed' });
    expect(await dnsAt(port, { answer: '192.0.2.2' })).toMatchObject({
      outcome: 'failed',
      reason: '192.0.2.2 is not in the answer',
    });
    expect(await dnsAt(port, { record: 'MX' })).toMatchObject({ reason: 'no MX record in the answer' });
    for (let i = 0; i < 8; i++) await dnsAt(port);
    expect(ids.size).toBeGreaterThan(6);
  });

  it('wants the result that it is told', async () => {
    const port = await listen((question) => [answerTo(question, 3)]);
    expect(await dnsAt(port)).toMatchObject({ outcome: 'failed', reason: 'nxdomain, not noerror' });
    expect(await dnsAt(port, { rcode: 'nxdomain' })).toMatchObject({ outcome: 'passed', reason: 'nxdomain' });
    expect(await dnsAt(await listen((question) => [answerTo(question, 9)]))).toMatchObject({
      reason: 'rcode 9, not noerror',
    });
  });

  it('passes over what does not answer its question', async () => {
    const port = await listen((question) => {
      const other = answerTo(question, 3);
      other.writeUInt16BE(question.readUInt16BE(0) ^ 1, 0);
      return [Buffer.from('garbage'), Buffer.alloc(0), question, other, answerTo(question, 0, A)];
    });
    expect(await dnsAt(port)).toMatchObject({ outcome: 'passed' });
    const silent = await listen((question) => [question]);
    expect(await dnsAt(silent)).toMatchObject({ outcome: 'failed', reason: 'no answer within 200 ms' });
  });

  it('fails with an answer that is broken, and is not led about by names that point at themselves', async () => {
    const loop = Buffer.from('c021000100010000003c0004c0000201', 'hex');
    expect(await dnsAt(await listen((question) => [answerTo(question, 0, loop)]))).toMatchObject({
      outcome: 'passed',
    });
    const cut = await listen((question) => [answerTo(question, 0, A.subarray(0, 14))]);
    expect(await dnsAt(cut)).toMatchObject({ outcome: 'failed', reason: 'the answer is broken' });
  });

  it('fails when nobody has the port', async () => {
    const port = await listen(() => []);
    const socket = open.pop()!;
    socket.close();
    await once(socket, 'close');
    expect(await dnsAt(port, { timeout: 1_000 })).toMatchObject({ reason: 'connection refused' });
  });
});
