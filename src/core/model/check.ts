/** Health checks: what is asked of a real server, how often, and what counts as an answer. */
import { type Address, type Endpoint, formatEndpoint } from '../address/address.ts';
import type {
  AgentParts,
  CheckTls,
  DnsParts,
  ExecParts,
  FeedbackRule,
  GrpcParts,
  HttpParts,
  PingParts,
  SmtpParts,
  StepsParts,
  UdpParts,
} from './check-protocols.ts';
import type { ServiceKey } from './service.ts';

/** Kinds of checks, by what is asked. */
export const CHECK_TYPES = [
  'tcp',
  'http',
  'https',
  'steps',
  'smtp',
  'udp',
  'agent',
  'dns',
  'exec',
  'grpc',
  'ping',
] as const;
export type CheckType = (typeof CHECK_TYPES)[number];

export const MIN_INTERVAL_MS = 100;
export const MAX_INTERVAL_MS = 86_400_000;
export const MIN_CHECK_TIMEOUT_MS = 10;
export const DEFAULT_INTERVAL_MS = 5_000;
/** Or the interval, if that is shorter. */
export const DEFAULT_CHECK_TIMEOUT_MS = 2_000;
export const DEFAULT_RISE = 2;
export const DEFAULT_FALL = 3;
/** The most checks in a row that may be asked for before a server changes. */
export const MAX_IN_A_ROW = 100;
/** The most checks that one server can have. */
export const MAX_CHECKS = 16;
/** How much of a body is looked at, in bytes; a longer one fails a check that has an expectation of it. */
export const MAX_CHECKED_BODY = 1_048_576;

/** How many results in a row change a verdict, 1 – 100 each. */
export interface RiseFall {
  readonly rise: number;
  readonly fall: number;
}

interface AnyCheck extends Endpoint, RiseFall {
  /** The address that the director connects from; absent, the kernel chooses. */
  readonly source?: Address;
  /** From the beginning of one check to that of the next, in milliseconds, 100 ms – 1 day. */
  readonly interval: number;
  /** For the whole of a check, in milliseconds, 10 ms – the interval. */
  readonly timeout: number;
}

export interface TcpCheck extends AnyCheck {
  readonly type: 'tcp';
}

export interface HttpCheck extends AnyCheck, HttpParts {
  readonly type: 'http';
}

export interface HttpsCheck extends AnyCheck, HttpParts {
  readonly type: 'https';
  readonly tls: CheckTls;
}

export interface StepsCheck extends AnyCheck, StepsParts {
  readonly type: 'steps';
}

export interface SmtpCheck extends AnyCheck, SmtpParts {
  readonly type: 'smtp';
}

export interface UdpCheck extends AnyCheck, UdpParts {
  readonly type: 'udp';
}

export interface AgentCheck extends AnyCheck, AgentParts {
  readonly type: 'agent';
}

export interface DnsCheck extends AnyCheck, DnsParts {
  readonly type: 'dns';
}

export interface ExecCheck extends AnyCheck, ExecParts {
  readonly type: 'exec';
}

export interface GrpcCheck extends AnyCheck, GrpcParts {
  readonly type: 'grpc';
}

/** Its port is 0, so that all services of a server share it. */
export interface PingCheck extends AnyCheck, PingParts {
  readonly type: 'ping';
}

/** One check with its target: everything that makes it what it is, so that two equal ones can be made once. */
export type Check =
  | TcpCheck
  | HttpCheck
  | HttpsCheck
  | StepsCheck
  | SmtpCheck
  | UdpCheck
  | AgentCheck
  | DnsCheck
  | ExecCheck
  | GrpcCheck
  | PingCheck;

/** The rule of a check's feedback; undefined for a check without. */
export const feedbackOf = (check: Check): FeedbackRule | undefined =>
  check.type === 'agent' || check.type === 'exec' ? check.feedback : undefined;

declare const checkKeyBrand: unique symbol;

/** Names a check by all that it is made of: equal checks have equal keys, whatever services they serve. */
export type CheckKey = string & { readonly [checkKeyBrand]: true };

/** The key of a check. */
export function checkKey(check: Check): CheckKey {
  const entries = Object.entries(check).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries) as CheckKey;
}

/** For people: `tcp 192.168.1.101:80`, `http GET 192.168.1.101:80/health`, `ping 192.168.1.101`. */
export const checkText = (check: Check): string =>
  checkTextAt(check, check.type === 'ping' ? check.address : formatEndpoint(check));

/** The same with other words for where it asks. Nothing that may be a secret is in it. */
export function checkTextAt(check: Check, target: string): string {
  switch (check.type) {
    case 'tcp':
    case 'udp':
    case 'agent':
    case 'ping':
      return `${check.type} ${target}`.trimEnd();
    case 'dns':
      return `dns ${check.name} ${check.record} ${target}`;
    case 'exec':
      // Arguments may hold secrets.
      return `exec ${check.command[0]} ${target}`;
    case 'steps':
    case 'smtp':
    case 'grpc':
      return `${check.type} ${target}${check.tls === undefined ? '' : ' over TLS'}`;
    case 'http':
    case 'https':
      return `${check.type} ${check.method} ${target}${check.path}`;
  }
}

/** What becomes of a server that fails: `remove` takes it out of its service, `inhibit` sets its weight to 0 (keepalived's inhibit_on_failure). */
export const ON_FAILURES = ['remove', 'inhibit'] as const;
export type OnFailure = (typeof ON_FAILURES)[number];

/** What an unchecked server counts as: `up`, or `down` until its checks have passed (keepalived's alpha). */
export const STARTS = ['up', 'down'] as const;
export type StartAs = (typeof STARTS)[number];

/** How much weight has to be up for a service to be served by its servers. */
export interface Quorum {
  /** From 1. */
  readonly quorum: number;
  /** Less than the quorum. */
  readonly hysteresis: number;
}

/** The most times that flap damping may wait for. */
export const MAX_DOWNS = 16;
export const MAX_WITHIN_MS = 86_400_000;
/** The rule of flap damping unless told otherwise. */
export const DEFAULT_DOWNS = 3;
export const DEFAULT_WITHIN_MS = 300_000;
export const DEFAULT_CALM_MS = 120_000;

/** Flap damping: who goes down `downs` times `within` so many milliseconds is held down until it has been up for `calm` of them. */
export interface FlapRule {
  /** 2 – 16. */
  readonly downs: number;
  /** 1 s – 1 day. */
  readonly within: number;
  /** 1 s – 1 day. */
  readonly calm: number;
}

/** How the health of one service's servers is found, and what follows from it. */
export interface ServiceChecks {
  readonly start_as: StartAs;
  readonly on_failure: OnFailure;
  /** Absent: as long as any server is up, it serves. */
  readonly quorum?: Quorum;
  /** In percent, 1 – 100: with fewer of its servers up the checks are suspected, not the servers. Absent: never. */
  readonly panic_threshold?: number;
  /** Absent: a server may come and go as often as its checks say. */
  readonly flap_damping?: FlapRule;
  /** By the server's endpoint in text; a server without checks is absent. All of a server's checks have to pass. */
  readonly servers: ReadonlyMap<string, readonly Check[]>;
}

/** The checks of a configuration; services without any are absent. */
export type Checks = ReadonlyMap<ServiceKey, ServiceChecks>;
