/** Which keys of a health check are for which types alone; all others are for every type. */
import { CHECK_TYPES, type CheckType } from '../core/model/check.ts';

const WITH_PORT = CHECK_TYPES.filter((type) => type !== 'ping');
const HTTP: readonly CheckType[] = ['http', 'https'];

/** By key, the types that can have it. */
export const KEY_TYPES = {
  method: HTTP,
  path: HTTP,
  host: HTTP,
  status: HTTP,
  body: HTTP,
  tls: ['https', 'steps', 'smtp', 'grpc'],
  steps: ['steps'],
  helo_name: ['smtp'],
  send: ['udp', 'agent'],
  name: ['dns'],
  record: ['dns'],
  rcode: ['dns'],
  answer: ['dns'],
  command: ['exec'],
  feedback: ['agent', 'exec'],
  grpc_service: ['grpc'],
  expect: ['udp'],
  regex: ['udp'],
  size: ['ping'],
  connect_port: WITH_PORT,
} as const satisfies Readonly<Record<string, readonly CheckType[]>>;
/** A key that not every type can have. */
export type TypeKey = keyof typeof KEY_TYPES;

/** By type, the key that it cannot do without. */
export const NEEDED_KEYS: { readonly [T in CheckType]?: TypeKey } = {
  steps: 'steps',
  dns: 'name',
  exec: 'command',
};

const TYPE_KEYS = Object.keys(KEY_TYPES) as readonly TypeKey[];

/** Those of some keys that not every type can have. */
export const typeKeysIn = (keys: readonly string[]): readonly TypeKey[] =>
  TYPE_KEYS.filter((key) => keys.includes(key));
