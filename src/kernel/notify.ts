/** The datagrams by which a service tells systemd how it is: sd_notify(3), "Notes". */
import { libc } from './libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
/** Programs that we start must not inherit the descriptor. */
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
/** systemd reads at once; a manager that hangs must not stop the loop for longer than this. */
const SEND_TIMEOUT_S = 1n;
/** sun_path holds 108 bytes (unix(7)); an abstract name may fill them, a path needs one for its final zero. */
const SUN_PATH = 108;

/** An open way to the service manager. */
export interface NotifySocket {
  /**
   * Sends one datagram of `NAME=value` lines. A value must not hold a line end. Throws a `KernelError` when nobody
   * listens any more, or when the manager has not read for a second.
   */
  send(assignments: Readonly<Record<string, string>>): void;
  close(): void;
}

/** struct sockaddr_un of what NOTIFY_SOCKET names: a path, or `@` and a name in the abstract namespace (unix(7)). */
export function unixAddress(name: string): Uint8Array {
  const abstract = name.startsWith('@');
  if (!abstract && !name.startsWith('/'))
    throw new Error(
      `NOTIFY_SOCKET is "${name}", and only a path or @ with an abstract name can be told how the service is; set Type=exec in the unit`,
    );
  const path = Buffer.from(name);
  if (path.length > (abstract ? SUN_PATH : SUN_PATH - 1))
    throw new RangeError(`NOTIFY_SOCKET has ${path.length} bytes, more than a socket's address takes`);
  const address = new Uint8Array(2 + path.length + (abstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
  // An abstract name begins with a zero byte, and its length is the address's: no zero ends it.
  if (abstract) address[2] = 0;
  return address;
}

/** A datagram socket of the unix family, closed on exec. Throws a `KernelError` where the kernel refuses. */
export function unixDatagramSocket(): number {
  return libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/** Opens the way to the manager that NOTIFY_SOCKET names. Throws an Error for a name that is none of a unix socket. */
export function openNotifySocket(name: string): NotifySocket {
  const address = unixAddress(name);
  const fd = unixDatagramSocket();
  // struct timeval of a 64-bit kernel: two longs, seconds and microseconds.
  const timeout = new Uint8Array(new BigInt64Array([SEND_TIMEOUT_S, 0n]).buffer);
  libc().setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeout);
  return {
    send: (assignments) => {
      const lines = Object.entries(assignments).map(([name, value]) => `${name}=${value}\n`);
      libc().sendto(fd, Buffer.from(lines.join('')), MSG_NOSIGNAL, address);
    },
    close: () => libc().close(fd),
  };
}
