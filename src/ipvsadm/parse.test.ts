import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NAMES } from './names.fixture.ts';
import { HostNotLookedUp } from './names.ts';
import { WORDS } from './options.ts';
import { parseCommand } from './parse.ts';

const parse = (text: string) => parseCommand(text.split(' '), NAMES);
const refusal = (text: string) => {
  const parsed = parse(text);
  return parsed.ok ? 'accepted' : `${parsed.refusal.code} ${parsed.refusal.text}`;
};

describe('parseCommand', () => {
  it('reads a service with its defaults', () => {
    expect(parse('-A -t 1.2.3.4:80 -p')).toMatchObject({
      ok: true,
      command: {
        kind: 'add-service',
        service: {
          id: { protocol: 'tcp', address: '1.2.3.4', port: 80 },
          scheduler: 'wlc',
          flags: 1,
          timeout: 360,
          netmask: '255.255.255.255',
        },
      },
    });
  });

  it('takes a server’s port from the service that comes before it', () => {
    const port = (text: string) => {
      const parsed = parse(text);
      return parsed.ok && parsed.command.kind === 'add-server' ? parsed.command.server.port : undefined;
    };
    expect(port('-a -t 1.2.3.4:http -r 10.0.0.1 -m')).toBe(80);
    expect(port('-a -r 10.0.0.1 -t 1.2.3.4:80 -m')).toBe(0);
    expect(port('-a -t 1.2.3.4:80 -r 10.0.0.1:8080 -m')).toBe(8080);
    expect(port('-a -t 1.2.3.4:80 -r 10.0.0.1:8080 -g')).toBe(80);
    expect(port('-a -f 1 -r 10.0.0.1:8080 -g')).toBe(8080);
  });

  it.each([
    ['-At1.2.3.4:80 -srr', 'accepted'],
    ['-A -t=1.2.3.4:80 --scheduler=rr', 'accepted'],
    ['-Ln', 'accepted'],
    ['-nL', "255 Try `ipvsadm -h' or 'ipvsadm --help' for more information."],
    ['-Lnz', '255 -Lnz: unknown option'],
    ['-Ln=3', '255 -Ln=3: option does not take an argument'],
    ['-A -t', '255 -t: missing argument'],
    ['-L -- -n', '2 unexpected argument -n'],
    ['-A -t 1.2.3.4', '2 Zero port specified for non-persistent service'],
    ['-A -n', "2 Illegal 'numeric' option with the 'add-service' command"],
    ['-A -w 3', "2 You need to supply the 'service-address' option for the 'add-service' command"],
    ['-A -t x', '2 illegal virtual server address[:port] specified'],
    ['-L --all', '255 --all: unknown option'],
    ['-S --all', 'accepted'],
  ])('says of %j: %s', (text, said) => {
    expect(refusal(text)).toBe(said);
  });

  it('points at the word that is meant', () => {
    expect(parse('-A -t 1.2.3.4:80 -p x')).toMatchObject({ refusal: { at: 4 } });
    expect(parse('-a -t 1.2.3.4:80 -r 1.1.1.1 -s rr')).toMatchObject({ refusal: { at: 6 } });
  });

  it('asks for hosts that nobody has looked up', () => {
    const names = {
      ...NAMES,
      addressOf: (host: string) => {
        throw new HostNotLookedUp(host);
      },
    };
    expect(() => parseCommand(['-A', '-t', 'www.example:80'], names)).toThrow(/www.example/);
  });

  it('has an answer to every line', () => {
    const words = WORDS.flatMap(({ long, short }) => [
      ...(long === undefined ? [] : [`--${long}`, `--${long}=7`]),
      ...(short === undefined ? [] : [`-${short}`]),
    ]);
    const word = fc.oneof(
      fc.constantFrom(
        ...words,
        '1.2.3.4:80',
        '[fe80::1]:80',
        '10.0.0.1',
        '64',
        '255.255.0.0',
        'rr',
        'x',
        '-',
        '--',
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 9 }), (argv) => {
        const parsed = parseCommand(argv, NAMES);
        expect(parsed.ok || parsed.refusal.text !== '').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
