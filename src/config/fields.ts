/** The single values of a configuration: how each is written, what it becomes, and what to say when it is wrong. */
import { z } from 'zod';
import {
  type Address,
  embeddedIpv4,
  familyOf,
  formatPrefix,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
  rangeOf,
  widthOf,
} from '../core/address/address.ts';
import { type PortRange, parsePortRange } from '../core/model/ports.ts';
import { MAX_TIMEOUT_MS, MIN_TIMEOUT_MS } from '../core/model/state.ts';
import { COUNT_PATTERN, DURATION_PATTERN, formatDuration, parseCount, parseDuration } from './units.ts';

/** Words for messages; they travel in a schema's metadata and are left out of the published JSON Schema. */
export interface Words {
  /** To be read after "is not": `a port`. */
  readonly noun: string;
  /** To be read after "expected". */
  readonly expected: string;
  /** What is wrong with a number where text is needed, and what would make it right. */
  readonly bareNumber?: { readonly message: string; readonly suffix: string };
  /** True if the value may be a secret, which no message repeats. */
  readonly secret?: boolean;
}

/** Why a value was refused, carried in a custom issue's `params`; without a message, it is simply not what the noun says. */
export interface Fault {
  readonly message?: string;
  readonly expected?: string;
  readonly nearest?: string | undefined;
}
/** What became of a text. */
export type Read<T> = { readonly value: T } | Fault;

/** A text that `read` turns into a value. */
export function textField<T>(words: Words & { pattern?: string }, read: (text: string) => Read<T>) {
  return z
    .string()
    .meta({ ...words })
    .transform((text, context): T => {
      const result = read(text);
      if ('value' in result) return result.value;
      context.addIssue({ code: 'custom', params: { ...result } });
      return z.NEVER;
    });
}

/** A whole number within bounds. */
export function numberField(noun: string, min: number, max: number) {
  const range = `${min} to ${max.toLocaleString('en')}`;
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ noun, expected: `a whole number from ${range}` });
}

/** On or off. */
export const switchField = z.boolean().meta({ noun: 'true or false', expected: 'true or false' });

/** A share in percent, 1 – 100, written with its sign. */
export const percentField = textField(
  {
    noun: 'a share',
    expected: 'a whole number from 1 to 100 with the sign %, such as 50%',
    bareNumber: { message: 'has no sign', suffix: '%' },
    pattern: '^([1-9][0-9]?|100)%$',
  },
  (text): Read<number> => {
    if (/^([1-9]\d?|100)%$/.test(text)) return { value: Number.parseInt(text, 10) };
    return /^([1-9]\d?|100)$/.test(text) ? { message: 'has no sign', nearest: `${text}%` } : {};
  },
);

/** One of a few words. */
export function wordField<const T extends readonly string[]>(noun: string, words: T) {
  return z.enum(words).meta({ noun, expected: `one of ${words.join(', ')}` });
}

/** A time within bounds, in milliseconds. */
export function durationBetween(min: number, max: number) {
  return textField(
    {
      noun: 'a duration',
      expected: 'numbers with the units d, h, m, s, ms, such as 90s or 1h30m',
      bareNumber: { message: 'has no unit', suffix: 's' },
      pattern: DURATION_PATTERN,
    },
    (text): Read<number> => {
      const value = parseDuration(text);
      if (value === undefined)
        return /^\d+$/.test(text) ? { message: 'has no unit', nearest: `${text}s` } : {};
      if (value >= min && value <= max) return { value };
      const range = `${formatDuration(min)} to ${formatDuration(max)}`;
      return { message: value < min ? 'is too short' : 'is too long', expected: range };
    },
  );
}

/** An idle time, in milliseconds; 1 s – 20 days. */
export const durationField = durationBetween(MIN_TIMEOUT_MS, MAX_TIMEOUT_MS);

/** A size of a table: a whole number, or one with K (1,024) or M (1,048,576). */
export function countField(min: number, max: number) {
  const range = `${min.toLocaleString('en')} to ${max.toLocaleString('en')}`;
  const expected = `a whole number from ${range}, which may end in K (× 1,024) or M (× 1,048,576)`;
  return z
    .union([z.int(), z.string().meta({ pattern: COUNT_PATTERN })])
    .meta({ noun: 'a count', expected })
    .transform((input, context): number => {
      const value = typeof input === 'number' ? input : parseCount(input.trim());
      if (value !== undefined && value >= min && value <= max) return value;
      const upper = typeof input === 'string' ? input.trim().toUpperCase() : '';
      const near = value === undefined && parseCount(upper) !== undefined ? upper : undefined;
      const size = value === undefined ? {} : { message: value < min ? 'is too small' : 'is too large' };
      context.addIssue({ code: 'custom', params: { ...size, nearest: near } });
      return z.NEVER;
    });
}

/** The name of a network interface, by the kernel's rules (dev_valid_name in net/core/dev.c); it need not be there. */
export const interfaceField = textField(
  { noun: 'an interface name', expected: '1 to 15 bytes without "/", ":" or white space' },
  (text): Read<string> => {
    if (/^[^\s/:]+:[^\s/]*$/.test(text))
      return { message: 'has a ":", as labels do', nearest: text.slice(0, text.indexOf(':')) };
    const good = /^[^\s/:\p{Cc}]+$/u.test(text) && text !== '.' && text !== '..';
    return good ? (tooLong(text) ?? { value: text }) : {};
  },
);

/** One of them, or several. */
export const interfacesField = z.union([interfaceField, z.array(interfaceField).min(1)]).meta({
  noun: 'an interface name or a list of them',
  expected: 'a name such as eth0, or a list such as [eth0, eth2]',
});

/** An address label (ip-address(8)); that it begins with the interface's name is a matter of both keys. */
export const labelField = textField(
  { noun: 'a label', expected: '1 to 15 bytes without white space, such as eth0:0' },
  (text): Read<string> => (/^[^\s/\p{Cc}]+$/u.test(text) ? (tooLong(text) ?? { value: text }) : {}),
);

/** Names and labels share a length in the kernel, IFNAMSIZ less its final zero byte. */
function tooLong(text: string): Fault | undefined {
  return Buffer.byteLength(text) > 15 ? { message: 'is longer than 15 bytes' } : undefined;
}

/** An address that one host can have. */
export const addressField = textField(
  { noun: 'an IP address', expected: 'an address such as 203.0.113.100 or 2001:db8::100' },
  (text): Read<Address> => {
    const value = parseAddress(text);
    if (value !== undefined) return oneHost(value) ?? { value };
    const prefix = text.includes('/') ? parsePrefix(text) : undefined;
    if (prefix !== undefined) return { message: 'has a prefix length', nearest: prefix.address };
    const [, host] = /^\[?([^[\]]+?)\]?:\d+$/.exec(text) ?? [];
    const bare = host === undefined ? undefined : parseAddress(host);
    return bare === undefined ? {} : { message: 'has a port, which goes into "port"', nearest: bare };
  },
);

/** Addresses that a service has: one, or all that share a prefix, whose length is then below the family's. */
export const targetField = textField(
  {
    noun: 'an IP address or a prefix of them',
    expected: 'an address such as 203.0.113.100 or 2001:db8::100, or a prefix such as 203.0.113.0/28',
  },
  (text): Read<Prefix> => {
    const address = text.includes('/') ? undefined : addressField.safeParse(text);
    if (address?.success)
      return { value: { address: address.data, length: widthOf(familyOf(address.data)) } };
    if (address !== undefined) {
      const [issue] = address.error.issues;
      return issue?.code === 'custom' ? { ...issue.params } : {};
    }
    const value = parsePrefix(text);
    if (value === undefined) return {};
    const network = networkOf(value);
    if (network.address !== value.address)
      return {
        message: `has bits behind the first ${value.length}`,
        nearest: value.length === 0 ? undefined : formatPrefix(network),
      };
    return value.length === 0
      ? { message: 'is every address there is' }
      : (oneHost(value.address) ?? { value });
  },
);

/** One port, or a range of them. */
export const portRangeField = z
  .union([z.int(), z.string().meta({ pattern: '^\\s*\\d{1,5}(-\\d{1,5})?\\s*$' })])
  .meta({
    noun: 'a port or a range of ports',
    expected: 'a port from 1 to 65,535, or a range of them such as 8000-8100',
  })
  .transform((input, context): PortRange => {
    const text = String(input).trim();
    const value = parsePortRange(text);
    if (value !== undefined) return value;
    const [low = '', high] = text.split('-');
    const turned = high === undefined ? undefined : parsePortRange(`${high}-${low}`);
    const fault = turned === undefined ? {} : { message: 'ends before it begins', nearest: `${high}-${low}` };
    context.addIssue({ code: 'custom', params: fault });
    return z.NEVER;
  });

/** An address that one host can have, with the length of its network's prefix. */
export const hostPrefixField = textField(
  {
    noun: 'an address with a prefix length',
    expected: 'an address such as 203.0.113.100/24 or 2001:db8::100/64',
  },
  (text): Read<Prefix> => {
    const value = parsePrefix(text);
    return value === undefined ? {} : (oneHost(value.address) ?? { value });
  },
);

/** A network; host bits are cleared. */
export const networkField = textField(
  { noun: 'a network', expected: 'a network such as 192.168.1.0/24 or 2001:db8:1::/64' },
  (text): Read<Prefix> => {
    const value = parsePrefix(text);
    return value === undefined ? {} : { value: networkOf(value) };
  },
);

/** Ranges, as `rangeOf` names them, in which no host that clients or the director can reach has its address. */
const NO_HOST: Readonly<Record<string, string>> = {
  unspecified: 'stands for no address',
  broadcast: 'is the broadcast address',
  multicast: 'is a multicast address',
  linkLocal: 'is a link-local address, which is not routed',
  loopback: 'is a loopback address, which never leaves its host',
  ipv4Mapped: 'is an IPv4 address in IPv6 form',
};

function oneHost(address: Address): Fault | undefined {
  const why = NO_HOST[rangeOf(address)];
  if (why === undefined) return undefined;
  const expected = 'an address that one host has and others can reach';
  const nearest = embeddedIpv4(address);
  return { message: why, expected, ...(nearest === undefined ? {} : { nearest }) };
}
