/** The sample of check types asks servers that play recorded answers: the right ones pass, others do not. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { LOOPBACK, make, testServers } from '../checks/servers.fixture.ts';
import type { StepsCheck } from '../core/model/check.ts';
import { parseConfig } from './parse.ts';

const servers = testServers();
afterEach(() => servers.end());

function stepsOf(port: number): StepsCheck {
  const text = readFileSync(new URL('../../samples/check-types.yaml', import.meta.url), 'utf8');
  const result = parseConfig(text, 'check-types.yaml');
  if (!result.ok) throw new Error('the sample is wrong');
  const all = [...result.config.checks.values()].flatMap(({ servers: of }) => [...of.values()].flat());
  const found = all.find((check): check is StepsCheck => check.type === 'steps' && check.port === port);
  if (found === undefined) throw new Error(`no steps for port ${port}`);
  // TLS has tests of its own.
  const { tls: _, ...plain } = found;
  return plain;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1');
const LDAP_BIND = hex('30 0c 02 01 01 60 07 02 01 03 04 00 80 00');

/** By port: what the server says first, what it answers to what, and the same of one that is not well. */
const RECORDED: readonly [string, number, string, Readonly<Record<string, string>>, string, string][] = [
  ['redis', 6379, '', { 'PING\r\n': '+PONG\r\n' }, '', '-NOAUTH Authentication required.\r\n'],
  [
    'mysql',
    3306,
    `${hex('4a 00 00 00 0a')}8.0.36\0${hex('0b 00 00 00')}4x%>Kz\x1b\x0e\0`,
    {},
    `${hex('45 00 00 00 ff 6a 04')}Host '192.168.1.2' is not allowed to connect to this MySQL server`,
    '',
  ],
  ['postgres', 5432, '', { [hex('00 00 00 08 04 d2 16 2f')]: 'S' }, '', 'E\0\0\0\x20SFATAL'],
  [
    'imap',
    993,
    '* OK [CAPABILITY IMAP4rev1 LITERAL+] Dovecot ready.\r\n',
    { 'a LOGOUT\r\n': '* BYE Logging out\r\na OK Logout completed.\r\n' },
    '* BYE Too many connections\r\n',
    '',
  ],
  [
    'ldap',
    389,
    '',
    { [LDAP_BIND]: hex('30 0c 02 01 01 61 07 0a 01 00 04 00 04 00') },
    '',
    // Result 48: inappropriateAuthentication (RFC 4511, 4.1.9).
    hex('30 0c 02 01 01 61 07 0a 01 30 04 00 04 00'),
  ],
];

describe.each(RECORDED)(
  'the steps of the sample for %s',
  (_, port, greeting, answers, badGreeting, badAnswer) => {
    const ask = async (first: string, answer: (said: string) => string | undefined) => {
      const own = await servers.raw((socket) => {
        if (first !== '') socket.write(first, 'latin1');
        socket.on('data', (piece) => {
          const said = answer(piece.toString('latin1'));
          if (said !== undefined) socket.write(said, 'latin1');
        });
      });
      return make({ ...stepsOf(port), address: LOOPBACK, port: own, timeout: 250 });
    };

    it('pass with what it answers', async () => {
      expect(await ask(greeting, (said) => answers[said])).toMatchObject({ outcome: 'passed' });
    });

    it('fail with what it says when it is not well', async () => {
      expect(await ask(badGreeting, () => badAnswer || undefined)).toMatchObject({ outcome: 'failed' });
    });
  },
);
