/** Tells the service manager how the director is: ready, reloading, stopping, and alive (sd_notify(3)). */
import { type NotifySocket, openNotifySocket } from '../kernel/notify.ts';
import type { Log } from '../observe/log.ts';

/** Who started the director and wants to know how it is. Nothing here fails: what cannot be sent is logged. */
export interface Supervisor {
  /** How often the loop has to say that it is alive, in milliseconds; undefined when nobody asks. */
  readonly pulseMs: number | undefined;
  /** All is as configured; `status` is one line for people. Ends a `reloading`, too. */
  ready(status: string): void;
  /** What is going on, one line for people. */
  status(text: string): void;
  reloading(): void;
  stopping(status: string): void;
  /** The loop is alive. */
  pulse(): void;
  close(): void;
}

/** The variables that systemd sets (sd_notify(3), sd_watchdog_enabled(3)). */
type Environment = Readonly<Record<string, string | undefined>>;

/** Half of the time after which the manager takes the service for hung, as sd_watchdog_enabled(3) advises, in milliseconds. */
export function pulseInterval(env: Environment, pid: number): number | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID } = env;
  if (WATCHDOG_USEC === undefined || !/^[1-9]\d{0,14}$/.test(WATCHDOG_USEC)) return undefined;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return undefined;
  return Math.max(1, Math.floor(Number(WATCHDOG_USEC) / 2_000));
}

/** One line, as STATUS wants it. */
const line = (text: string) => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');

/** The supervisor that the environment names; one that says nothing to nobody when it names none. */
export function openSupervisor(env: Environment, log: Log): Supervisor {
  const name = env['NOTIFY_SOCKET'];
  let socket: NotifySocket | undefined;
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      log.warn('notify_failed', { error });
    }
  };
  if (name !== undefined && name !== '')
    guarded(() => {
      socket = openNotifySocket(name);
    });
  const send = (assignments: Readonly<Record<string, string>>) => guarded(() => socket?.send(assignments));
  return {
    pulseMs: socket === undefined ? undefined : pulseInterval(env, process.pid),
    ready: (status) => send({ READY: '1', STATUS: line(status) }),
    status: (text) => send({ STATUS: line(text) }),
    reloading: () =>
      // Without the time systemd could not tell this reload's READY from an earlier one's; hrtime is CLOCK_MONOTONIC.
      send({
        RELOADING: '1',
        MONOTONIC_USEC: String(process.hrtime.bigint() / 1_000n),
        STATUS: 'reading the configuration again',
      }),
    stopping: (status) => send({ STOPPING: '1', STATUS: line(status) }),
    pulse: () => send({ WATCHDOG: '1' }),
    close: () => socket?.close(),
  };
}
