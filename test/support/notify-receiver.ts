/** The other end of NOTIFY_SOCKET: a real datagram socket, as a service manager has one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError } from '../../src/kernel/errors.ts';
import { libc } from '../../src/kernel/libc.ts';
import { unixAddress, unixDatagramSocket } from '../../src/kernel/notify.ts';

const MSG_DONTWAIT = 0x40;

/** What one datagram said, name to value. */
export type Notice = Readonly<Record<string, string>>;

/** A receiver that keeps what it reads, in order. */
export interface NotifyReceiver {
  /** What came so far; reads what waits. */
  notices(): readonly Notice[];
  /** Waits until a notice passes; throws after `timeout` milliseconds with what came instead. */
  waitFor(wanted: (notice: Notice) => boolean, timeout?: number): Promise<Notice>;
  close(): void;
}

/** Binds to `name`: a path, or `@` and an abstract name. */
export function notifyReceiver(name: string): NotifyReceiver {
  const fd = unixDatagramSocket();
  libc().bind(fd, unixAddress(name));
  const seen: Notice[] = [];
  const read = (): readonly Notice[] => {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const length = libc().recv(fd, buffer, MSG_DONTWAIT);
        const lines = Buffer.from(buffer.subarray(0, length)).toString().split('\n');
        seen.push(
          Object.fromEntries(
            lines
              .filter((line) => line !== '')
              .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
          ),
        );
      }
    } catch (error) {
      if (!(error instanceof KernelError) || error.code !== 'EAGAIN') throw error;
    }
    return seen;
  };
  return {
    notices: read,
    async waitFor(wanted, timeout = 15_000) {
      for (const until = Date.now() + timeout; Date.now() < until; await sleep(20)) {
        const found = read().find(wanted);
        if (found !== undefined) return found;
      }
      throw new Error(`no such notice within ${timeout} ms; there came ${JSON.stringify(seen)}`);
    },
    close: () => libc().close(fd),
  };
}
