/** The few functions of the C library that Node does not offer; everything that is read or written is a byte buffer. */
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

/** Sockets of families that Node does not know; every function throws a `KernelError` that names the call. */
export interface Libc {
  /** A new descriptor; `type` should carry SOCK_CLOEXEC, or programs that we start inherit it. */
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): void;
  /** Fills `value` and returns the length that the kernel wrote, in bytes. */
  getsockopt(fd: number, level: number, option: number, value: Uint8Array): number;
  send(fd: number, bytes: Uint8Array, flags: number): void;
  /** A datagram to `address`, which is a struct sockaddr of the socket's family. */
  sendto(fd: number, bytes: Uint8Array, flags: number, address: Uint8Array): void;
  /** Gives the socket the name `address`, a struct sockaddr of its family. */
  bind(fd: number, address: Uint8Array): void;
  /** Connects to `address`, a struct sockaddr of the socket's family. Returns 0, or the errno in place of an error. */
  connect(fd: number, address: Uint8Array): number;
  /** A new epoll set, closed on exec. */
  epollCreate(): number;
  /** Watches for the moment when `fd` can be written, or has failed. */
  epollAddWritable(epoll: number, fd: number): void;
  /** Descriptors, `most` of them, whose moment has come; does not wait. */
  epollReady(epoll: number, most: number): number[];
  /**
   * Takes a message that is there: its length, and its sender's struct sockaddr in `from`. Undefined when there is none,
   * and when the socket has an error of its own to tell.
   */
  receiveFrom(fd: number, into: Uint8Array, from: Uint8Array): number | undefined;
  /**
   * Takes a queued error (recvmsg(2), MSG_ERRQUEUE): the length of the message that it is about, with that one's target in `to`,
   * and the control messages that say why. Undefined when there is none.
   */
  receiveError(fd: number, into: Uint8Array, to: Uint8Array, control: Uint8Array): number | undefined;
  /** The processor time that the calling thread has taken, in milliseconds. */
  threadTime(): number;
  /** Bytes received; with MSG_TRUNC the length of the datagram, which may exceed the buffer's. */
  recv(fd: number, into: Uint8Array, flags: number): number;
  close(fd: number): void;
  /** Waits for a child that has ended; false when it has not. True as well when it is no child of ours. */
  reap(pid: number): boolean;
}

const EINTR = 4;
const WNOHANG = 1;
const MSG_DONTWAIT = 0x40;
const MSG_ERRQUEUE = 0x2000;

/** clock_gettime(2). */
const CLOCK_THREAD_CPUTIME_ID = 3;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLOUT = 4;
/** struct epoll_event: packed on x86-64 alone (include/uapi/linux/eventpoll.h). */
const [EPOLL_EVENT_SIZE, EPOLL_EVENT_DATA] = process.arch === 'x64' ? [12, 4] : [16, 8];

/**
 * Opens the C library and declares its functions. koffi knows no ssize_t, hence int64_t. Made on first use and then
 * kept, since each declaration makes a trampoline: use `libc()`.
 */
function loadLibc(): Libc {
  const library = koffi.load('libc.so.6');
  const socket = library.func('int socket(int domain, int type, int protocol)');
  const setsockopt = library.func(
    'int setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t length)',
  );
  const getsockopt = library.func(
    'int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  );
  const send = library.func('int64_t send(int fd, const uint8_t *bytes, size_t length, int flags)');
  const sendto = library.func(
    'int64_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t size)',
  );
  const bind = library.func('int bind(int fd, const uint8_t *address, uint32_t size)');
  const connect = library.func('int connect(int fd, const uint8_t *address, uint32_t size)');
  const epollCreate = library.func('int epoll_create1(int flags)');
  const epollCtl = library.func('int epoll_ctl(int epoll, int operation, int fd, const uint8_t *event)');
  const epollWait = library.func(
    'int epoll_wait(int epoll, _Out_ uint8_t *events, int most, int milliseconds)',
  );
  const recv = library.func('int64_t recv(int fd, _Out_ uint8_t *into, size_t length, int flags)');
  const recvfrom = library.func(
    'int64_t recvfrom(int fd, _Out_ uint8_t *into, size_t length, int flags, _Out_ uint8_t *from, _Inout_ uint32_t *size)',
  );
  const iovec = koffi.struct({ base: 'uint8_t *', length: 'size_t' });
  const msghdr = koffi.struct({
    name: 'uint8_t *',
    namelen: 'uint32_t',
    iov: koffi.pointer(iovec),
    iovlen: 'size_t',
    control: 'uint8_t *',
    controllen: 'size_t',
    flags: 'int',
  });
  const recvmsg = library.func('recvmsg', 'int64_t', ['int', koffi.inout(koffi.pointer(msghdr)), 'int']);
  const clockGettime = library.func('int clock_gettime(int clock, _Out_ int64_t *time)');
  const waitpid = library.func('int waitpid(int pid, void *status, int options)');
  const close = library.func('int close(int fd)');

  /** Calls until no signal interrupts the call, and turns -1 into an error. */
  const checked = (call: string, attempt: () => number): number => {
    for (;;) {
      const result = Number(attempt());
      if (result >= 0) return result;
      const errno = koffi.errno();
      if (errno !== EINTR) throw new KernelError(call, errno);
    }
  };
  return {
    socket: (domain, type, protocol) => checked('socket', () => socket(domain, type, protocol)),
    setsockopt: (fd, level, option, value) => {
      checked(`setsockopt(${level}, ${option})`, () => setsockopt(fd, level, option, value, value.length));
    },
    getsockopt: (fd, level, option, value) => {
      const length = [value.length];
      checked(`getsockopt(${level}, ${option})`, () => getsockopt(fd, level, option, value, length));
      return length[0] ?? 0;
    },
    send: (fd, bytes, flags) => {
      checked('send', () => send(fd, bytes, bytes.length, flags));
    },
    sendto: (fd, bytes, flags, address) => {
      checked('sendto', () => sendto(fd, bytes, bytes.length, flags, address, address.length));
    },
    bind: (fd, address) => {
      checked('bind', () => bind(fd, address, address.length));
    },
    connect: (fd, address) => (connect(fd, address, address.length) < 0 ? koffi.errno() : 0),
    epollCreate: () => checked('epoll_create1', () => epollCreate(EPOLL_CLOEXEC)),
    epollAddWritable: (epoll, fd) => {
      const event = new Uint8Array(EPOLL_EVENT_SIZE);
      const view = new DataView(event.buffer);
      view.setUint32(0, EPOLLOUT, true);
      view.setInt32(EPOLL_EVENT_DATA, fd, true);
      checked('epoll_ctl', () => epollCtl(epoll, EPOLL_CTL_ADD, fd, event));
    },
    epollReady: (epoll, most) => {
      const events = new Uint8Array(most * EPOLL_EVENT_SIZE);
      const count = checked('epoll_wait', () => epollWait(epoll, events, most, 0));
      const view = new DataView(events.buffer);
      return Array.from({ length: count }, (_, i) =>
        view.getInt32(i * EPOLL_EVENT_SIZE + EPOLL_EVENT_DATA, true),
      );
    },
    receiveFrom: (fd, into, from) => {
      const length = Number(recvfrom(fd, into, into.length, MSG_DONTWAIT, from, [from.length]));
      return length < 0 ? undefined : length;
    },
    receiveError: (fd, into, to, control) => {
      const message = {
        ...{ name: to, namelen: to.length, iov: { base: into, length: into.length }, iovlen: 1 },
        ...{ control, controllen: control.length, flags: 0 },
      };
      const length = Number(recvmsg(fd, message, MSG_ERRQUEUE | MSG_DONTWAIT));
      return length < 0 ? undefined : length;
    },
    threadTime: () => {
      const time = new BigInt64Array(2);
      checked('clock_gettime', () => clockGettime(CLOCK_THREAD_CPUTIME_ID, time));
      return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
    },
    recv: (fd, into, flags) => checked('recv', () => recv(fd, into, into.length, flags)),
    reap: (pid) => waitpid(pid, null, WNOHANG) !== 0,
    // close(2): on Linux the descriptor is gone even after EINTR, so a second attempt could close somebody else's.
    close: (fd) => {
      if (close(fd) < 0 && koffi.errno() !== EINTR) throw new KernelError('close', koffi.errno());
    },
  };
}

/** The C library, opened when first asked for and then shared: a constant in all but the moment of its making. */
export const libc: () => Libc = once(loadLibc);
