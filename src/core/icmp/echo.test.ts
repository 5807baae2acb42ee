import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../address/address.ts';
import { encodeEcho, errorText, readEchoAnswer } from './echo.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const payload = hex('00 01 02 03 04 05 06 07 08');
const echo = { id: 0x1234, sequence: 0xfffe, payload };
const HEADER_4 = '45 00 00 25 00 00 40 00 40 01 00 00 c0a80101 c0a80165';
const HEADER_6 = '60 00 00 00 00 11 3a 40 fd000192016800010000000000000001 fd000192016800010000000000000101';

describe('echo messages', () => {
  it('are written as RFC 792 and RFC 4443 have them', () => {
    // The sum of all words, this checksum among them, is 0xffff.
    expect(encodeEcho(4, echo)).toEqual(hex('08 00 d1bc 1234 fffe 00 01 02 03 04 05 06 07 08'));
    expect(encodeEcho(6, echo)).toEqual(hex('80 00 0000 1234 fffe 00 01 02 03 04 05 06 07 08'));
  });

  it.each<[Family, string]>([
    [4, '00'],
    [6, '81'],
  ])('of IPv%i are answered by a reply', (family, type) => {
    const reply = hex(`${type} 00 0000 1234 fffe 00 01 02 03 04 05 06 07 08`);
    expect(readEchoAnswer(family, reply)).toEqual({ kind: 'reply', echo });
    expect(readEchoAnswer(family, encodeEcho(family, echo))).toBeUndefined();
  });

  it('are answered by an error that repeats them, whole or in part', () => {
    const request = encodeEcho(4, echo);
    const error = Uint8Array.from([...hex(`03 01 0000 00000000 ${HEADER_4}`), ...request]);
    const why = 'host unreachable';
    expect(readEchoAnswer(4, error)).toEqual({ kind: 'error', why, echo, to: '192.168.1.101' });
    const short = { ...echo, payload: new Uint8Array() };
    expect(readEchoAnswer(4, error.subarray(0, 36))).toMatchObject({ kind: 'error', echo: short });
    expect(readEchoAnswer(4, error.subarray(0, 35))).toBeUndefined();
    const six = Uint8Array.from([...hex(`02 00 0000 00000500 ${HEADER_6}`), ...encodeEcho(6, echo)]);
    expect(readEchoAnswer(6, six)).toEqual({
      ...{ kind: 'error', why: 'too large for a link on the way (MTU 1280)', echo },
      to: 'fd00:192:168:1::101',
    });
  });

  it('are found in an error about their first fragment', () => {
    const header = HEADER_6.replace('3a', '2c');
    const fragment = hex(`01 03 0000 00000000 ${header} 3a 00 0001 00000007`);
    const error = Uint8Array.from([...fragment, ...encodeEcho(6, echo)]);
    expect(readEchoAnswer(6, error)).toMatchObject({ why: 'address unreachable', echo });
  });

  it('have nothing to do with errors about others', () => {
    const udp = hex(`03 03 0000 00000000 ${HEADER_4.replace('40 01', '40 11')} 1234 0035 0008 0000`);
    expect(readEchoAnswer(4, udp)).toBeUndefined();
    const reply = hex(`03 03 0000 00000000 ${HEADER_4} 00 00 0000 1234 fffe`);
    expect(readEchoAnswer(4, reply)).toBeUndefined();
  });

  it('have words for every error', () => {
    expect(errorText(4, 3, 13, 0)).toBe('prohibited by a firewall');
    expect(errorText(4, 3, 4, 1400)).toBe('too large for a link on the way (MTU 1400)');
    expect(errorText(4, 3, 77, 0)).toBe('unreachable, code 77');
    expect([errorText(4, 11, 0, 0), errorText(6, 3, 1, 0)]).toEqual(
      Array(2).fill('lost on the way: time exceeded'),
    );
    expect([errorText(4, 12, 1, 0), errorText(6, 4, 1, 0)]).toEqual(
      Array(2).fill('refused as wrong, code 1'),
    );
  });

  it('are read from any bytes without a fault', () => {
    const types = fc.constantFrom(0, 3, 11, 12, 1, 2, 4, 129);
    fc.assert(
      fc.property(
        fc.constantFrom<Family>(4, 6),
        types,
        fc.uint8Array({ maxLength: 120 }),
        (family, type, bytes) => {
          if (bytes.length > 0) bytes[0] = type;
          const answer = readEchoAnswer(family, bytes);
          if (answer !== undefined) expect(answer.echo.sequence).toBeLessThan(65_536);
        },
      ),
    );
  });
});
