/** Checks that converse over TCP, against servers of this process that answer, lie, stall and chatter. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { advance, freshState } from '../core/health/state.ts';
import type { AgentCheck, SmtpCheck, StepsCheck } from '../core/model/check.ts';
import { quoteHeard } from './quote.ts';
import { LOOPBACK, make, TIMING, testAuthority, testServers } from './servers.fixture.ts';

const servers = testServers();
afterEach(() => servers.end());

const stepsAt = (port: number, steps: StepsCheck['steps'], more: Partial<StepsCheck> = {}) =>
  make({ type: 'steps', address: LOOPBACK, port, ...TIMING, steps, ...more });

/** Answers each piece that it hears by the next of `answers`; what stands first is said unasked. */
const plays = (greeting: string, ...answers: string[]) =>
  servers.raw((socket) => {
    if (greeting !== '') socket.write(greeting, 'latin1');
    socket.on('data', () => {
      const answer = answers.shift();
      if (answer !== undefined) socket.write(answer, 'latin1');
    });
  });
const pours = (socket: Socket) => {
  const pump = () => {
    while (!socket.destroyed && socket.write('x'.repeat(65_536)));
  };
  socket.on('drain', pump);
  pump();
};

const HOSTILE: [string, (socket: Socket) => void, string][] = [
  ['accepts and never answers', () => {}, 'no answer within 150 ms'],
  ['sends bytes without end', pours, 'the server says more than 16 KiB'],
  ['resets', (socket) => setTimeout(() => socket.resetAndDestroy(), 5), 'connection reset'],
  ['hangs up', (socket) => socket.end(), 'the server hung up'],
  [
    'says a byte now and then',
    (socket) => {
      const timer = setInterval(() => socket.write('2'), 20);
      socket.on('close', () => clearInterval(timer));
    },
    'no answer within 150 ms',
  ],
];

describe('a steps check', () => {
  it('says what it is to say, and waits for what it is to hear, in bytes', async () => {
    const heard: string[] = [];
    const port = await servers.raw((socket) => {
      socket.write('* hello\r\n');
      socket.on('data', (piece) => {
        heard.push(piece.toString('latin1'));
        // In two pieces, and more than was asked for.
        socket.write('\x00\xfe', 'latin1');
        setTimeout(() => socket.write('\xffdone', 'latin1'), 5);
      });
    });
    const steps = [
      { expect: 'hello\r\n' },
      { send: 'a\x00\xff', regex: '^\\x00\\xfe\\xff' },
      { expect: 'done' },
    ];
    expect(await stepsAt(port, steps)).toMatchObject({ outcome: 'passed', reason: '3 steps as expected' });
    expect(heard).toEqual(['a\x00\xff']);
  });

  it('hears an answer once: what one step took is not there for the next', async () => {
    const result = await stepsAt(await plays('one two'), [{ expect: 'one' }, { expect: 'one' }], {
      timeout: 100,
    });
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: 'step 2 of 2: no answer within 100 ms; it said " two"',
    });
  });

  it('takes an answer that the server hangs up after', async () => {
    const port = await servers.raw((socket) => socket.end('bye'));
    expect(await stepsAt(port, [{ expect: 'bye' }])).toMatchObject({ outcome: 'passed' });
  });

  it('says of a wrong answer what it was, but nothing of what was sent', async () => {
    const port = await plays('', "-ERR unknown command 'AUTH hunter2'\r\n");
    const { reason } = await stepsAt(port, [{ send: 'AUTH hunter2\r\n', expect: '+OK' }], { timeout: 150 });
    expect(reason).toMatch(/^step 1 of 1: no answer within 150 ms; it said "-ERR unknown/);
    expect(reason).not.toMatch(/hunter2/);
  });

  it.each(HOSTILE)('fails with a server that %s', async (_, talk, reason) => {
    const result = await stepsAt(await servers.raw(talk), [{ expect: 'OK' }], { timeout: 150 });
    expect(result.outcome).toBe('failed');
    expect(result.reason).toContain(`step 1 of 1: ${reason}`);
  });

  it('fails when it is refused', async () => {
    expect(await stepsAt(await servers.closed(), [{ expect: 'OK' }])).toMatchObject({
      outcome: 'failed',
      reason: 'connection refused',
    });
  });

  it('talks over TLS, and warns of the certificate there too', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weir-steps-'));
    try {
      const authority = testAuthority(dir, 'authority');
      const own = authority.sign('own', 'IP:127.0.0.1', 5);
      const port = await servers.listen(createTlsServer(own, (socket) => socket.write('* OK')));
      const tls = { ca: authority.certFile, verify: true, certificate_days: 14 };
      expect(await stepsAt(port, [{ expect: 'OK' }], { tls })).toMatchObject({
        outcome: 'passed',
        warning: expect.stringMatching(/^its certificate expires on /),
      });
      expect(
        await stepsAt(port, [{ expect: 'OK' }], { tls: { verify: true, certificate_days: 0 } }),
      ).toMatchObject({
        outcome: 'failed',
        reason: 'its certificate is of an authority that is not known',
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('what a reason repeats of an answer', () => {
  it('has nothing of four characters or more that was sent, and nothing that a terminal obeys', () => {
    const text = fc.string({ unit: 'binary', minLength: 4, maxLength: 30 });
    fc.assert(
      fc.property(text, fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (sent, before, after) => {
        const quoted = JSON.parse(quoteHeard(`${before}${sent}${after}`, sent)) as string;
        expect(quoted).toMatch(/^[\x20-\x7e]*…?$/);
        if (/^[!-)+-~]{4,}$/.test(sent)) expect(quoted).not.toContain(sent);
      }),
    );
    expect(quoteHeard('-NOAUTH Authentication required.\r\n', 'PING\r\n')).toBe(
      '"-NOAUTH Authentication required"',
    );
    expect(quoteHeard('\x1b[2J', 'x')).toBe('".[2J"');
  });
});

describe('an smtp check', () => {
  const smtpAt = (port: number, more: Partial<SmtpCheck> = {}) =>
    make({ type: 'smtp', address: LOOPBACK, port, ...TIMING, ...more });
  const GREETING = '220-mx.example.com ESMTP\r\n220 welcome\r\n';
  const EHLO = '250-mx.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n';

  it('greets, says who asks and says goodbye', async () => {
    const heard: string[] = [];
    const answers = [EHLO, '221 bye\r\n'];
    const port = await servers.raw((socket) => {
      socket.write(GREETING);
      socket.on('data', (piece) => {
        heard.push(piece.toString());
        socket.write(answers[heard.length % 2 === 1 ? 0 : 1]!);
      });
    });
    expect(await smtpAt(port)).toMatchObject({ outcome: 'passed', reason: 'greets with 220' });
    await smtpAt(port, { helo_name: 'lb1.example.com' });
    expect(heard).toEqual(['EHLO [127.0.0.1]\r\n', 'QUIT\r\n', 'EHLO lb1.example.com\r\n', 'QUIT\r\n']);
  });

  it.each([
    ['turns it away', ['554 no service\r\n'], '554 in answer to the connection'],
    ['is closing', [GREETING, '421-try\r\n421 later\r\n'], '421 in answer to EHLO'],
    ['speaks something else', ['SSH-2.0-x\r\n'], 'the answer is not SMTP'],
    ['breaks its reply', ['220-a\r\nwhat\r\n'], 'the answer is not SMTP'],
  ])('fails with a server that %s', async (_, [greeting, ...answers], reason) => {
    expect(await smtpAt(await plays(greeting!, ...answers))).toMatchObject({ outcome: 'failed', reason });
  });

  it.each(HOSTILE)('fails with a server that %s', async (_, talk, reason) => {
    const result = await smtpAt(await servers.raw(talk), { timeout: 150 });
    expect(result).toMatchObject({ outcome: 'failed', reason: expect.stringContaining(reason) });
  });
});

describe('an agent check', () => {
  const agentAt = (port: number, more: Partial<AgentCheck> = {}) =>
    make({ type: 'agent', address: LOOPBACK, port, ...TIMING, ...more });

  it.each([
    ['up 75%\n', 'passed', 'the agent says up 75%'],
    ['75%', 'passed', 'the agent says 75%'],
    ['ready up # fine\n', 'passed', 'the agent says up ready: fine'],
    ['drain\n', 'failed', 'the agent says drain'],
    ['up maint#disk change\r\n', 'failed', 'the agent says up maint: disk change'],
    ['down#out of memory\n', 'failed', 'the agent says down: out of memory'],
    ['0%\n', 'failed', 'the agent says 0%'],
    ['hello there\n', 'failed', 'the agent\'s words are not known: "hello there"'],
    ['\n', 'failed', 'the agent\'s words are not known: ""'],
    ['', 'failed', 'the server hung up'],
  ])('takes %j for %s', async (line, outcome, reason) => {
    const port = await servers.raw((socket) => socket.end(line));
    expect(await agentAt(port)).toMatchObject({ outcome, reason });
  });

  it.each([
    ['up 75%\n', 'passed', 75],
    ['256%', 'passed', 256],
    ['up\n', 'passed', 100],
    ['0%\n', 'passed', 0],
    ['drain 50%\n', 'passed', 0],
    ['maint 50%\n', 'failed', undefined],
    ['down 50%\n', 'failed', undefined],
    ['hello there\n', 'void', undefined],
    ['', 'void', undefined],
  ])('with feedback takes %j for %s, %s', async (line, outcome, figure) => {
    const port = await servers.raw((socket) => socket.end(line));
    const feedback = { floor: 10, ceiling: 100, smoothing: 0 };
    const result = await agentAt(port, { feedback });
    // What an agent's words come to is found where what it said before is known.
    const { last } = advance(freshState(0), result, { rise: 1, fall: 1, feedback }, 0);
    expect([last?.outcome, last?.figure]).toEqual([outcome, figure]);
  });

  it('with feedback holds silence against nobody', async () => {
    const port = await servers.raw(() => {});
    const feedback = { floor: 10, ceiling: 100, smoothing: 0 };
    const result = await agentAt(port, { feedback, timeout: 100 });
    expect(result).toMatchObject({ outcome: 'void', reason: 'no answer within 100 ms' });
  });

  it('says first what it is told to say', async () => {
    const port = await servers.raw((socket) =>
      socket.on('data', (piece) => socket.end(piece.toString() === 'who?\n' ? 'up\n' : 'down\n')),
    );
    expect(await agentAt(port, { send: 'who?\n' })).toMatchObject({ outcome: 'passed' });
  });

  it.each(HOSTILE)('fails with an agent that %s', async (_, talk, reason) => {
    const result = await agentAt(await servers.raw(talk), { timeout: 150 });
    expect(result).toMatchObject({ outcome: 'failed', reason: expect.stringContaining(reason) });
  });
});
