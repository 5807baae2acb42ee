/** The shape of a health check in a configuration file. */
import { z } from 'zod';
import {
  CHECK_TYPES,
  DEFAULT_FALL,
  DEFAULT_INTERVAL_MS,
  DEFAULT_RISE,
  MAX_CHECKS,
  MAX_IN_A_ROW,
  MAX_INTERVAL_MS,
  MIN_CHECK_TIMEOUT_MS,
  MIN_INTERVAL_MS,
} from '../core/model/check.ts';
import {
  CHECK_METHODS,
  DEFAULT_PING_SIZE,
  DNS_RCODES,
  DNS_RECORDS,
  MAX_PING_SIZE,
  MIN_PING_SIZE,
} from '../core/model/check-protocols.ts';
import { commandField, dnsNameField } from './check-dns.ts';
import { feedbackField } from './check-feedback.ts';
import { bytesField, LONGEST_TEXT, regexField, stepsField } from './check-steps.ts';
import { tlsField } from './check-tls.ts';
import { addressField, durationBetween, numberField, type Read, textField, wordField } from './fields.ts';
import { formatDuration } from './units.ts';

const inARow = (fallback: number, text: string) =>
  numberField('a number of results', 1, MAX_IN_A_ROW).default(fallback).describe(text);

const pathField = textField(
  { noun: 'a path', expected: `text that begins with "/", without white space, such as /health?deep=1` },
  (text): Read<string> =>
    /^\/[\x21-\x7e]*$/.test(text) && text.length <= LONGEST_TEXT && !text.includes('#')
      ? { value: text }
      : {},
);

const hostField = textField(
  { noun: 'a Host header', expected: 'a name, or a name and a port, such as www.example.com' },
  (text): Read<string> => (/^[A-Za-z0-9._:[\]-]{1,255}$/.test(text) ? { value: text } : {}),
);

const heloField = textField(
  { noun: 'a name for EHLO', expected: 'a name such as lb1.example.com' },
  (text): Read<string> => (/^[A-Za-z0-9.-]{1,255}$/.test(text) ? { value: text } : {}),
);

const grpcServiceField = textField(
  { noun: 'a name of a gRPC service', expected: '1 to 127 characters such as shop.Cart' },
  (text): Read<string> => (/^[\x21-\x7e]{1,127}$/.test(text) ? { value: text } : {}),
);

const containsField = textField(
  { noun: 'a text to look for', expected: `1 to ${LONGEST_TEXT} characters` },
  (text): Read<string> => (text.length >= 1 && text.length <= LONGEST_TEXT ? { value: text } : {}),
);

const digestField = textField(
  { noun: 'a digest', expected: 'the hex digits of an MD5 (32) or a SHA-256 (64)' },
  (text): Read<string> => (/^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(text) ? { value: text.toLowerCase() } : {}),
);

const body = z.strictObject({
  contains: containsField.optional().describe('A text that stands in it.'),
  regex: regexField
    .optional()
    .describe('A regular expression (ECMAScript; "." matches line ends too) that matches somewhere in it.'),
  digest: digestField
    .optional()
    .describe("Its SHA-256 or MD5 in hex, as sha256sum prints it, or keepalived's genhash."),
});

type StatusRange = readonly [number, number];

/** `200` or `200-299`; undefined for anything else. */
function readStatus(input: number | string): StatusRange | undefined {
  const [, from, to] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(input)) ?? [];
  const range: StatusRange = [Number(from), Number(to ?? from)];
  return range[0] >= 100 && range[1] <= 599 && range[0] <= range[1] ? range : undefined;
}

const oneStatus = z.union([z.int(), z.string()]);
const status = z
  .union([oneStatus, z.array(oneStatus).min(1).max(32)])
  .meta({
    noun: 'a status, a range of them or a list of these',
    expected: 'statuses from 100 to 599, such as 200, 200-299 or [200, 301-302]',
  })
  .transform((input, context): readonly StatusRange[] => {
    const ranges = [input].flat().map(readStatus);
    if (ranges.every((range) => range !== undefined)) return ranges;
    context.addIssue({ code: 'custom', params: {} });
    return z.NEVER;
  });

const check = z.strictObject({
  type: wordField('a type of check', CHECK_TYPES).describe(
    'tcp: a connection is accepted; http, https: a request is answered as expected; steps: so is what is said over TCP; ' +
      "smtp: so is EHLO; udp: so is a datagram, or it is not refused; agent: HAProxy's agent-check says that it is up; dns: a question is answered; exec: a program exits with 0; grpc: grpc.health.v1 says SERVING; ping: an ICMP echo request is answered.",
  ),
  interval: durationBetween(MIN_INTERVAL_MS, MAX_INTERVAL_MS)
    .prefault(formatDuration(DEFAULT_INTERVAL_MS))
    .describe("How often, 100ms to 1d; keepalived's delay_loop."),
  timeout: durationBetween(MIN_CHECK_TIMEOUT_MS, MAX_INTERVAL_MS)
    .optional()
    .describe(
      'How long a check may take altogether, 10ms to the interval. Default: 2s, or the interval if that is shorter.',
    ),
  rise: inARow(
    DEFAULT_RISE,
    'How many checks in a row have to pass until a server that was down is up again.',
  ),
  fall: inARow(
    DEFAULT_FALL,
    "How many checks in a row have to fail until a server is down; keepalived's retry and one more.",
  ),
  connect_address: addressField
    .optional()
    .describe("Where to ask, if not at the server's own address; keepalived's connect_ip."),
  connect_port: numberField('a port', 1, 65_535)
    .optional()
    .describe("The port to ask at, if not the server's own; keepalived's connect_port."),
  source_address: addressField
    .optional()
    .describe("The director's address to ask from; keepalived's bindto. Default: the kernel chooses."),
  method: wordField('a method', CHECK_METHODS).optional().describe('http: the method. Default: GET.'),
  path: pathField.optional().describe('http: what to ask for. Default: /.'),
  host: hostField
    .optional()
    .describe(
      "http: the Host header; keepalived's virtualhost. Default: the address and port that are asked.",
    ),
  status: status
    .optional()
    .describe('http: the statuses that are right: one, a range, or a list of these. Default: 200-299.'),
  body: body.optional().describe('http: what the body has to be like; up to 1 MiB of it is read.'),
  tls: tlsField
    .optional()
    .describe(
      'https, and steps, smtp and grpc, which are without TLS otherwise: whom to trust, and what to show.',
    ),
  steps: stepsField.optional().describe('steps: what to say and what to wait for, in this order.'),
  helo_name: heloField
    .optional()
    .describe(
      "smtp: what the director calls itself; keepalived's helo_name. Default: the address it connects from.",
    ),
  send: bytesField.optional().describe('udp: the datagram, default an empty one; agent: what to say first.'),
  expect: bytesField
    .optional()
    .describe('udp: what the answer has to contain. With neither expect nor regex only a refusal fails.'),
  regex: regexField.optional().describe('udp: a regular expression that matches the answer.'),
  name: dnsNameField.optional().describe("dns: the name to ask for; keepalived's name."),
  record: wordField('a kind of record', Object.keys(DNS_RECORDS) as (keyof typeof DNS_RECORDS)[])
    .optional()
    .describe("dns: the kind of record; keepalived's type. Default: A."),
  rcode: wordField('a result of DNS', DNS_RCODES)
    .optional()
    .describe('dns: what has to come of it. Default: noerror, with at least one record of the kind.'),
  answer: addressField.optional().describe('dns: an address that has to be among the A or AAAA records.'),
  grpc_service: grpcServiceField
    .optional()
    .describe('grpc: the service to ask for. Default: the server as a whole.'),
  size: numberField('a size in bytes', MIN_PING_SIZE, MAX_PING_SIZE)
    .optional()
    .describe(`ping: how many bytes are sent and have to come back. Default: ${DEFAULT_PING_SIZE}.`),
  command: commandField
    .optional()
    .describe(
      'exec: the absolute path of a program, and its arguments, in which {address} and {port} stand for what is checked. No shell.',
    ),
  feedback: feedbackField
    .optional()
    .describe(
      "agent: its percentage, and exec: exit statuses from 2 on, less 2 (keepalived's misc_dynamic), in percent, make the part of its weight that a server gets; no answer is then no failure, and `fall` of them in a row give it its configured weight. {} for the defaults. Default: weights do not depend on it.",
    ),
});

/** All checks of a service or server. */
export const checksField = z
  .array(check)
  .max(MAX_CHECKS)
  .meta({ noun: 'a list of checks', expected: `a list of at most ${MAX_CHECKS} checks` });

/** A check as the schema gives it. */
export type ParsedCheck = z.output<typeof check>;
/** A check's shape, for reading parts of one that is wrong elsewhere. */
export const checkShape = check.shape;
