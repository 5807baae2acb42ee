import { describe, expect, it } from 'vitest';
import { KernelError } from '../errors.ts';
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import {
  decodeMessages,
  encodeMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';
import { NETLINK_GENERIC, NetlinkSocket, type SocketCalls } from './socket.ts';

const MSG_PEEK = 0x02;
const REQUEST = { asked: 'list links', type: 18, payload: new Uint8Array(16) };

/** A kernel that answers each request with the datagrams of a script, and then stays silent until the time-out. */
function scripted(answers: readonly ((sequence: number) => readonly Uint8Array[])[]) {
  const requests: Message[] = [];
  const datagrams: Uint8Array[] = [];
  const closed: number[] = [];
  const library: SocketCalls = {
    socket: () => 7,
    setsockopt: () => {},
    getsockopt: () => 0,
    send: (_, bytes) => {
      const sent = decodeMessages(bytes);
      if (!sent.ok) throw new Error('the request is not netlink');
      requests.push(sent.value[0]!);
      datagrams.push(...(answers[requests.length - 1]?.(sent.value[0]!.sequence) ?? []));
    },
    recv: (_, into, flags) => {
      const next = datagrams[0];
      if (next === undefined) throw new KernelError('recv', 11);
      into.set(next.subarray(0, into.length));
      if ((flags & MSG_PEEK) === 0) datagrams.shift();
      return next.length;
    },
    close: (fd) => {
      closed.push(fd);
    },
  };
  return { library, requests, closed };
}

const message = (type: number, sequence: number, flags = 2, payload = new Uint8Array(4)) =>
  encodeMessage({ type, flags, sequence, port: 0, payload });

function acknowledgement(sequence: number, errno: number): Uint8Array {
  const payload = new Uint8Array(20);
  viewOf(payload).setInt32(0, -errno, LITTLE_ENDIAN);
  return message(NLMSG_ERROR, sequence, 0x100, payload);
}

describe('a dump', () => {
  it('gathers all datagrams up to the end, and passes over answers to earlier requests', () => {
    const { library, requests } = scripted([
      (n) => [
        message(16, n - 1),
        Uint8Array.from([...message(16, n), ...message(17, n)]),
        message(16, n),
        message(NLMSG_DONE, n),
      ],
    ]);
    const found = new NetlinkSocket(library).dump(REQUEST);
    expect(found.map(({ type }) => type)).toEqual([16, 17, 16]);
    expect(requests).toHaveLength(1);
  });

  it('that a change ran into is read to its end and asked again', () => {
    const { library, requests } = scripted([
      (n) => [message(16, n), message(16, n, NLM_F_DUMP_INTR), message(NLMSG_DONE, n)],
      (n) => [message(16, n), message(NLMSG_DONE, n)],
    ]);
    expect(new NetlinkSocket(library).dump(REQUEST)).toHaveLength(1);
    expect(requests.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('that changes keep running into is given up', () => {
    const disturbed = (n: number) => [message(NLMSG_DONE, n, NLM_F_DUMP_INTR)];
    const { library } = scripted(Array(100).fill(disturbed));
    expect(() => new NetlinkSocket(library).dump(REQUEST)).toThrow(/list links: .*\(EBUSY\)/);
  });

  it('larger than any buffer is read whole', () => {
    const { library } = scripted([
      (n) => [message(16, n, 2, new Uint8Array(100_000).fill(9)), message(NLMSG_DONE, n)],
    ]);
    const [found] = new NetlinkSocket(library).dump(REQUEST);
    expect(found?.payload).toEqual(new Uint8Array(100_000).fill(9));
    // Generic netlink has none so long: nothing is asked for in advance, and one that is cut off is refused.
    const long = [(n: number) => [message(16, n, 2, new Uint8Array(100_000)), message(NLMSG_DONE, n)]];
    expect(() => new NetlinkSocket(scripted(long).library, NETLINK_GENERIC).dump(REQUEST)).toThrow(
      /list links.*an answer of 100016 bytes in one piece/,
    );
  });

  it('that fails at its end is an error', () => {
    const failed = new Uint8Array(4);
    viewOf(failed).setInt32(0, -22, LITTLE_ENDIAN);
    const { library } = scripted([(n) => [message(NLMSG_DONE, n, 2, failed)]]);
    expect(() => new NetlinkSocket(library).dump(REQUEST)).toThrow(/EINVAL/);
  });

  it('without an answer, or with nonsense for one, says so', () => {
    const silent = new NetlinkSocket(scripted([]).library);
    expect(() => silent.dump(REQUEST)).toThrow(/list links: .*\(ETIMEDOUT\); nothing within 5 s/);
    const garbled = new NetlinkSocket(scripted([() => [new Uint8Array(5)]]).library);
    expect(() => garbled.dump(REQUEST)).toThrow(/list links: the answer makes no sense at byte 0/);
  });
});

describe('a change', () => {
  it('is over when the kernel acknowledges it', () => {
    const { library, closed } = scripted([(n) => [acknowledgement(n, 0)]]);
    const socket = new NetlinkSocket(library);
    socket.change({ ...REQUEST, type: 20 });
    socket.close();
    expect(closed).toEqual([7]);
  });

  it('that is refused names what was asked and the errno', () => {
    const { library } = scripted([(n) => [acknowledgement(n, 1)]]);
    const change = () => new NetlinkSocket(library).change({ ...REQUEST, asked: 'add an address' });
    expect(change).toThrow(expect.objectContaining({ asked: 'add an address', code: 'EPERM', errno: 1 }));
  });
});

describe('many changes', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...REQUEST, asked: `change ${i}`, type: 20 }));

  it('go in few datagrams, of each of which the last is acknowledged', () => {
    const sizes: number[] = [];
    const { library } = scripted([(n) => [acknowledgement(n + 63, 0)], (n) => [acknowledgement(n + 35, 0)]]);
    const socket = new NetlinkSocket({
      ...library,
      send: (fd, bytes, flags) => {
        const sent = decodeMessages(bytes);
        if (!sent.ok) throw new Error('the request is not netlink');
        sizes.push(sent.value.length);
        const asking = sent.value.filter(({ flags: bits }) => (bits & NLM_F_ACK) !== 0);
        expect(asking).toEqual([sent.value.at(-1)]);
        return library.send(fd, bytes, flags);
      },
    });
    expect(socket.changes(many(100)).size).toBe(0);
    expect(sizes).toEqual([64, 36]);
  });

  it('that are refused are told by their places, and keep none of the others from being made', () => {
    const { library } = scripted([
      (n) => [acknowledgement(n - 1, 22), acknowledgement(n, 17), acknowledgement(n + 2, 3)],
    ]);
    const refused = new NetlinkSocket(library).changes(many(3));
    expect([...refused].map(([place, { asked, code }]) => [place, asked, code])).toEqual([
      [0, 'change 0', 'EEXIST'],
      [2, 'change 2', 'ESRCH'],
    ]);
  });

  it('that are none need no kernel', () => {
    expect(new NetlinkSocket(scripted([]).library).changes([]).size).toBe(0);
  });
});
