/** What the protocols of health checks are made of, each beside the target and the times that every check has. */

/** Methods that an HTTP check may use. */
export const CHECK_METHODS = ['GET', 'HEAD'] as const;
export type CheckMethod = (typeof CHECK_METHODS)[number];

/** What a body has to be like; all that is given has to hold. */
export interface BodyExpectation {
  /** UTF-8 text that stands in it. */
  readonly contains?: string;
  /** A regular expression (ECMAScript, flags `us`) that matches somewhere in it. */
  readonly regex?: string;
  /** Its MD5 (32 hex digits) or SHA-256 (64) in lower case. */
  readonly digest?: string;
}

/** A request and what its answer has to be like. */
export interface HttpParts {
  readonly method: CheckMethod;
  /** Begins with `/`; may have a query. */
  readonly path: string;
  /** The Host header; absent, the address and port. */
  readonly host?: string;
  /** Ranges of statuses that are right, both ends included. */
  readonly status: readonly (readonly [number, number])[];
  readonly body?: BodyExpectation;
}

/** This many days before a certificate expires a check begins to warn, unless told otherwise. */
export const DEFAULT_CERTIFICATE_DAYS = 14;
/** The most days before it that can be asked for. */
export const MAX_CERTIFICATE_DAYS = 3_650;

/** How a check's connection is made safe. Files are read anew for each check: a renewed one counts at once. */
export interface CheckTls {
  /** The name to ask for (SNI) and to find in the certificate; absent, the address, which is not asked for. */
  readonly server_name?: string;
  /** Path of a PEM file of the authorities to trust, in place of those that Node.js knows. */
  readonly ca?: string;
  /** Paths of PEM files: the certificate to show, and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Whether the certificate has to be valid, of a trusted authority, and for that name. */
  readonly verify: boolean;
  /** The days before its certificate expires in which a server that passes is warned of; 0 for none. */
  readonly certificate_days: number;
}

/** The most steps of a check. */
export const MAX_STEPS = 16;

/** What to say, and what to wait for; each is absent or not empty. A character stands for a byte, U+0000 – U+00FF. */
export interface CheckStep {
  /** May be a secret: never shown. */
  readonly send?: string;
  /** Bytes that have to come. */
  readonly expect?: string;
  /** A regular expression (ECMAScript, flags `us`) over what comes. */
  readonly regex?: string;
}

export interface StepsParts {
  readonly steps: readonly CheckStep[];
  /** Absent: without TLS. */
  readonly tls?: CheckTls;
}

export interface SmtpParts {
  /** What the director calls itself; absent, the address that it connects from. */
  readonly helo_name?: string;
  readonly tls?: CheckTls;
}

/** A datagram and its answer; with neither `expect` nor `regex` silence is right. */
export type UdpParts = CheckStep;

/** The floor, ceiling and smoothing of feedback unless told otherwise. */
export const DEFAULT_FLOOR = 10;
export const DEFAULT_CEILING = 100;
export const DEFAULT_SMOOTHING_MS = 10_000;
export const MAX_SMOOTHING_MS = 3_600_000;

/** How what a server asks for becomes a part of its weight. */
export interface FeedbackRule {
  /** In percent, 1 – the ceiling: who asks for less gets this, but for 0. */
  readonly floor: number;
  /** In percent, to 100: who asks for more gets this. */
  readonly ceiling: number;
  /** In so many milliseconds 63 % of the way to a new figure is made, 0 – 1 h. */
  readonly smoothing: number;
}

export interface AgentParts {
  /** Said to the agent first; may be a secret. */
  readonly send?: string;
  /** Absent: percentages change no weight. */
  readonly feedback?: FeedbackRule;
}

/** Kinds of records that can be asked for, as IANA numbers them (RFC 1035, 3596, 2782). */
export const DNS_RECORDS = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
} as const;
export type DnsRecord = keyof typeof DNS_RECORDS;
/** Results of a question by their number (RFC 1035, 4.1.1). */
export const DNS_RCODES = ['noerror', 'formerr', 'servfail', 'nxdomain', 'notimp', 'refused'] as const;
export type DnsRcode = (typeof DNS_RCODES)[number];

export interface DnsParts {
  /** Without the dot at its end; `.` is the root. */
  readonly name: string;
  readonly record: DnsRecord;
  /** What has to come of it; with `noerror` there has to be a record of the kind. */
  readonly rcode: DnsRcode;
  /** An address that has to be among the A or AAAA records. */
  readonly answer?: string;
}

/** What an argument may contain, each in place of what is asked. */
export const PLACEHOLDERS = ['{address}', '{port}'] as const;

export interface ExecParts {
  /** The absolute path of a program, and its arguments. */
  readonly command: readonly string[];
  /** Absent: every exit status but 0 fails. */
  readonly feedback?: FeedbackRule;
}

/** The payload of a ping, in bytes: unless told otherwise, as ping(8); the least, which cannot be guessed; the most that IPv4 holds. */
export const DEFAULT_PING_SIZE = 56;
export const MIN_PING_SIZE = 16;
export const MAX_PING_SIZE = 65_507;

export interface PingParts {
  /** Of the payload, in bytes, MIN_PING_SIZE – MAX_PING_SIZE. */
  readonly size: number;
}

export interface GrpcParts {
  /** The service to ask for; empty for the server as a whole. */
  readonly grpc_service: string;
  readonly tls?: CheckTls;
}
