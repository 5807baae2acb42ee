/** Pings over a C library of the test, which says what the network answers. Real ones: test/lab/ping.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAddress } from '../core/address/address.ts';
import { write16 } from '../core/packet/bytes.ts';
import { socketAddress } from './connector.ts';
import { KernelError } from './errors.ts';
import type { Libc } from './libc.ts';
import { Pinger, type PingTarget } from './pinger.ts';

const target = parseAddress('192.168.1.101')!;
const router = parseAddress('192.168.1.1')!;
const IP_HEADER = 20;

/** What came: an ICMP message, and from whom. */
interface Packet {
  readonly message: Uint8Array;
  readonly from: typeof target;
}

/** A network in which a raw socket sends to whoever `answer` says. */
function network(answer: (request: Uint8Array) => readonly Packet[]) {
  const waiting = new Map<number, Packet[]>();
  const sockets = { open: 0, made: 0 };
  const unused = () => {
    throw new Error('not used by a raw socket');
  };
  const library: Libc = {
    socket: () => {
      sockets.open++;
      waiting.set(++sockets.made, []);
      return sockets.made;
    },
    setsockopt: () => {},
    getsockopt: unused,
    send: unused,
    sendto: (fd, bytes) => {
      waiting.get(fd)!.push(...answer(Uint8Array.from(bytes)));
    },
    bind: () => {},
    connect: unused,
    epollCreate: unused,
    epollAddWritable: unused,
    epollReady: unused,
    threadTime: unused,
    reap: unused,
    recv: unused,
    receiveFrom: (fd, into, from) => {
      const packet = waiting.get(fd)!.shift();
      if (packet === undefined) return undefined;
      into.fill(0, 0, IP_HEADER);
      into[0] = 0x45;
      into.set(packet.message, IP_HEADER);
      from.set(socketAddress({ address: packet.from, port: 0 }));
      return IP_HEADER + packet.message.length;
    },
    receiveError: unused,
    close: () => {
      sockets.open--;
    },
  };
  return { library, sockets };
}

const replyTo = (request: Uint8Array): Uint8Array => Uint8Array.of(0, ...request.subarray(1));
/** The request, with one of its bytes another one. */
const changed = (message: Uint8Array, at: number) => message.map((byte, i) => (i === at ? byte ^ 1 : byte));
/** Host unreachable, with so many bytes of the request. */
function unreachable(request: Uint8Array, length = request.length): Uint8Array {
  const message = new Uint8Array(8 + IP_HEADER + length);
  message[0] = 3;
  message[1] = 1;
  message.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 192, 168, 1, 1, 192, 168, 1, 101], 8);
  message.set(request.subarray(0, length), 8 + IP_HEADER);
  return message;
}

let pinger: Pinger;
let sockets: { open: number; made: number };
let answer: (request: Uint8Array) => readonly Packet[];
beforeEach(() => {
  const made = network((request) => answer(request));
  sockets = made.sockets;
  pinger = new Pinger(made.library);
});
afterEach(() => {
  pinger.close();
  expect(sockets.open).toBe(0);
});

const ping = (more: Partial<PingTarget> = {}) =>
  new Promise<string>((resolve) => {
    pinger.begin({ address: target, size: 32, ...more }, (error) => resolve(error?.message ?? 'answered'));
  });
const from = (message: Uint8Array, address = target): Packet => ({ message, from: address });

describe('a pinger', () => {
  it('takes the answer that is right, and passes over all that are not', async () => {
    answer = (request) => [
      from(replyTo(request), router),
      from(replyTo(changed(request, 4))),
      from(replyTo(changed(request, 7))),
      ...[8, 23, 24, 39].map((at) => from(replyTo(changed(request, at)))),
      from(replyTo(request.subarray(0, -1))),
      from(Uint8Array.of(...replyTo(request), 0)),
      from(unreachable(changed(request, 4)), router),
      from(unreachable(changed(request, 8)), router),
      from(changed(unreachable(request), 8 + 19), router),
    ];
    let ended = false;
    const wrong = ping().then(() => {
      ended = true;
    });
    answer = (request) => [from(replyTo(request))];
    expect(await ping()).toBe('answered');
    expect(ended).toBe(false);
    pinger.close();
    await Promise.race([wrong, new Promise(setImmediate)]);
    expect(ended).toBe(false);
  });

  it('fails by an error that repeats as much as it has to, and says who sent it', async () => {
    answer = (request) => [from(unreachable(request, 8), router)];
    expect(await ping()).toBe('host unreachable, says 192.168.1.1');
    answer = (request) => [from(unreachable(request))];
    expect(await ping()).toBe('host unreachable');
  });

  it('has one socket for many at a time, another for another source, and none for nobody', async () => {
    answer = (request) => [from(replyTo(request))];
    expect(new Set(await Promise.all(Array.from({ length: 3_000 }, () => ping())))).toEqual(
      new Set(['answered']),
    );
    expect(sockets).toEqual({ made: 1, open: 0 });
    await Promise.all([ping(), ping({ source: router }), ping({ source: router })]);
    expect(sockets).toEqual({ made: 3, open: 0 });
  });

  it('tells nothing any more of what was given up, also when its number comes again', async () => {
    const late: Packet[] = [];
    const told: string[] = [];
    answer = (request) => {
      late.push(from(replyTo(request)));
      return [];
    };
    const giveUp = pinger.begin({ address: target, size: 16 }, () => told.push('given up'));
    giveUp();
    expect(sockets.open).toBe(0);
    answer = (request) => [...late, from(replyTo(request))];
    expect(await ping()).toBe('answered');
    giveUp();
    expect(told).toEqual([]);
  });

  it('throws what the kernel says when a request cannot be sent, and keeps nothing', () => {
    answer = () => {
      throw new KernelError('sendto', 101);
    };
    expect(() => pinger.begin({ address: target, size: 16 }, () => {})).toThrow('ENETUNREACH');
    expect(sockets).toEqual({ made: 1, open: 0 });
  });

  it('counts its requests', async () => {
    const sequences: number[] = [];
    answer = (request) => {
      sequences.push((request[6]! << 8) | request[7]!);
      const message = replyTo(request);
      write16(message, 2, 0);
      return [from(message)];
    };
    await Promise.all([ping(), ping(), ping()]);
    expect(sequences.map((one) => (one - sequences[0]! + 65_536) % 65_536)).toEqual([0, 1, 2]);
  });
});
