/** What ipvsadm says when the table refuses, in the words that scripts look for. */
import { KernelError } from '../kernel/errors.ts';
import type { Command } from './command.ts';
import { TableRefusal } from './table.ts';

type Words = Readonly<Record<string, string>>;

const SERVICE: Words = {
  EEXIST: 'Service already exists',
  ESRCH: 'No such service',
  ENOENT: 'Scheduler or persistence engine not found',
};
const SERVER: Words = {
  EEXIST: 'Destination already exists',
  ESRCH: 'Service not defined',
  ENOENT: 'No such destination',
};
const DAEMON: Words = { EEXIST: 'Daemon has already run', ESRCH: 'No daemon is running' };

const BY_COMMAND: Partial<Record<Command['kind'], Words>> = {
  'add-service': SERVICE,
  'edit-service': SERVICE,
  'delete-service': SERVICE,
  list: SERVICE,
  zero: SERVICE,
  'add-server': SERVER,
  'edit-server': SERVER,
  'delete-server': SERVER,
  'start-daemon': DAEMON,
  'stop-daemon': DAEMON,
};

/** For any command; the last ones are what strerror(3) has. */
const ALWAYS: Words = {
  EPERM: 'Permission denied (you must be root)',
  EINVAL: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
  ENOMEM: 'Memory allocation problem',
  ENOPROTOOPT: 'Protocol not available',
  ENODEV: 'No such device',
  ERANGE: 'Numerical result out of range',
  EBUSY: 'Device or resource busy',
  EOPNOTSUPP: 'Operation not supported',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  ENOBUFS: 'No buffer space available',
};

/** The words for a refusal; undefined for an error that is none. */
export function refusalText(error: unknown, command?: Command['kind']): string | undefined {
  if (error instanceof TableRefusal) return error.message;
  if (!(error instanceof KernelError)) return undefined;
  const words = command === undefined ? undefined : BY_COMMAND[command];
  return words?.[error.code] ?? ALWAYS[error.code] ?? error.message;
}
