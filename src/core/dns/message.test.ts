import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsQuestion, encodeQuestion, isDnsName, readAnswer } from './message.ts';

const question: DnsQuestion = { id: 0x1234, name: 'www.example.com', type: 1 };
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const NAME = '03 777777 07 6578616d706c65 03 636f6d 00';
const header = (flags: string, answers = '0001') => `1234 ${flags} 0001 ${answers} 0000 0000`;
const A_RECORD = 'c00c 0001 0001 0000003c 0004 c0000201';

describe('a message of DNS', () => {
  it('asks as RFC 1035 has it', () => {
    expect(encodeQuestion(question)).toEqual(hex(`1234 0100 0001 0000 0000 0000 ${NAME} 0001 0001`));
    expect(encodeQuestion({ id: 1, name: '.', type: 2 })).toEqual(
      hex('0001 0100 0001 0000 0000 0000 00 0002 0001'),
    );
  });

  it('is read with its records, aliases among them', () => {
    const cname = `c00c 0005 0001 0000003c 0006 03 666f6f c010`;
    const a = '03 666f6f c010 0001 0001 0000003c 0004 c0000207';
    const other = 'c00c 0001 0003 0000003c 0004 c0000208';
    const text = `${header('8180', '0003')} ${NAME} 0001 0001 ${cname} ${a} ${other}`;
    expect(readAnswer(hex(text), question)).toEqual({ rcode: 0, records: 1, addresses: ['192.0.2.7'] });
    const aaaa = { ...question, type: 28 };
    const six = `${header('8180')} ${NAME} 001c 0001 c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001`;
    expect(readAnswer(hex(six), aaaa)).toEqual({ rcode: 0, records: 1, addresses: ['2001:db8::1'] });
    expect(readAnswer(hex(`${header('8183', '0000')} ${NAME} 0001 0001`), question)).toMatchObject({
      rcode: 3,
    });
    expect(readAnswer(hex('1234 8001 0000 0000 0000 0000'), question)).toMatchObject({ rcode: 1 });
  });

  it.each([
    ['another number', `4321 8180 0001 0001 0000 0000 ${NAME} 0001 0001 ${A_RECORD}`],
    ['a question', `${header('0100')} ${NAME} 0001 0001 ${A_RECORD}`],
    ['another kind', `${header('8180')} ${NAME} 0002 0001 ${A_RECORD}`],
    ['another name', `${header('8180')} ${NAME.replace('77', '78')} 0001 0001 ${A_RECORD}`],
    ['too little', '1234 8180'],
  ])('is not for us with %s', (_, text) => {
    expect(readAnswer(hex(text), question)).toBeUndefined();
  });

  it.each([
    ['ends in a name', '03 7777'],
    ['has a label of a kind that there is not', '80'],
    ['ends in a record', 'c00c 0001 0001 0000003c 0004 c000'],
    ['has fewer records than it says', ''],
  ])('is broken when it %s', (_, record) => {
    expect(readAnswer(hex(`${header('8180')} ${NAME} 0001 0001 ${record}`), question)).toBe('broken');
  });

  it('follows no pointer: one to itself ends like any other', () => {
    const loop = 'c021 0001 0001 0000003c 0004 c0000201';
    expect(readAnswer(hex(`${header('8180')} ${NAME} 0001 0001 ${loop}`), question)).toMatchObject({
      addresses: ['192.0.2.1'],
    });
  });

  it('survives any bytes after its question', () => {
    const start = hex(`${header('8180', 'ffff')} ${NAME} 0001 0001`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (rest) => {
        const found = readAnswer(Uint8Array.from([...start, ...rest]), question);
        // 65,535 records do not fit.
        expect(found).toBe('broken');
        readAnswer(rest, question);
      }),
    );
  });

  it('has the names that DNS can have', () => {
    for (const name of ['.', 'a', 'www.example.com', '_sip._tcp.example.com', `${'a'.repeat(63)}.b`])
      expect(isDnsName(name)).toBe(true);
    for (const name of ['', '..', 'a..b', 'a.', 'é.com', 'a b', `${'a'.repeat(64)}.b`, 'a.'.repeat(127)])
      expect(isDnsName(name)).toBe(false);
  });
});
