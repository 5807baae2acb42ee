/** One health check as it was found right in a file → the check of one server. */
import { parseAddress } from '../core/address/address.ts';
import { type Check, DEFAULT_CHECK_TIMEOUT_MS } from '../core/model/check.ts';
import {
  type BodyExpectation,
  type CheckStep,
  type CheckTls,
  DEFAULT_CERTIFICATE_DAYS,
  DEFAULT_PING_SIZE,
  type HttpParts,
} from '../core/model/check-protocols.ts';
import type { RealServer } from '../core/model/service.ts';
import type { ParsedCheck } from './check-schema.ts';

const DEFAULT_STATUS: HttpParts['status'] = [[200, 299]];

/** A value without the keys that are undefined: equal checks are to have equal keys. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };
const given = <T extends object>(value: T): Given<T> =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Given<T>;

/** The check of `server`, with all that it is made of. */
export function buildCheck(check: ParsedCheck, server: RealServer): Check {
  const { type, interval, timeout = Math.min(DEFAULT_CHECK_TIMEOUT_MS, interval), rise, fall } = check;
  const common = {
    address: check.connect_address ?? server.address,
    port: check.connect_port ?? server.port,
    ...(check.source_address && { source: check.source_address }),
    interval,
    timeout,
    rise,
    fall,
  };
  switch (type) {
    case 'tcp':
      return { type, ...common };
    case 'http':
      return { type, ...common, ...httpParts(check) };
    case 'https':
      return { type, ...common, ...httpParts(check), tls: tlsParts(check) };
    case 'steps':
      return {
        type,
        ...common,
        steps: (check.steps ?? []).map((step) => given(step) as CheckStep),
        ...optionalTls(check),
      };
    case 'smtp': {
      const { helo_name } = check;
      return { type, ...common, ...given({ helo_name }), ...optionalTls(check) };
    }
    case 'udp': {
      const { send, expect, regex } = check;
      return { type, ...common, ...given({ send, expect, regex }) } as Check;
    }
    case 'dns': {
      const { name = '.', record = 'A', rcode = 'noerror', answer } = check;
      return { type, ...common, name, record, rcode, ...(answer !== undefined && { answer }) };
    }
    case 'grpc':
      return { type, ...common, grpc_service: check.grpc_service ?? '', ...optionalTls(check) };
    case 'ping':
      return { type, ...common, port: 0, size: check.size ?? DEFAULT_PING_SIZE };
    case 'exec':
      return { type, ...common, command: check.command ?? [], ...given({ feedback: check.feedback }) };
    case 'agent': {
      const { send, feedback } = check;
      return { type, ...common, ...given({ send, feedback }) } as Check;
    }
  }
}

const httpParts = ({ method = 'GET', path = '/', host, status, body }: ParsedCheck): HttpParts => ({
  method,
  path,
  ...(host !== undefined && { host }),
  status: status ?? DEFAULT_STATUS,
  ...(body && { body: given(body) as BodyExpectation }),
});

const DEFAULT_TLS: CheckTls = { verify: true, certificate_days: DEFAULT_CERTIFICATE_DAYS };

function tlsParts({ tls, host }: ParsedCheck): CheckTls {
  const name = tls?.server_name ?? nameIn(host);
  return {
    ...(tls === undefined ? DEFAULT_TLS : (given(tls) as CheckTls)),
    ...(name !== undefined && { server_name: name }),
  };
}

/** Without `tls` these types talk in the clear. */
const optionalTls = (check: ParsedCheck): { tls?: CheckTls } =>
  check.tls === undefined ? {} : { tls: tlsParts(check) };

/** The name in a Host header; undefined if there is none, or an address in its place. */
function nameIn(host: string | undefined): string | undefined {
  const name = host?.replace(/:\d*$/, '');
  return name === undefined || name === '' || name.startsWith('[') || parseAddress(name) !== undefined
    ? undefined
    : name;
}
