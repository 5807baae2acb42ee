/** What each option says. */
import { familyOf, parseAddress, rangeOf } from '../core/address/address.ts';
import { IPVS_TUNNELS, type IpvsForward, type IpvsProtocol } from '../dataplane/ipvs/codec/values.ts';
import { type Draft, PERSISTENT_TIMEOUT } from './draft.ts';
import type { Names } from './names.ts';
import { leadingInteger, parseInteger } from './numbers.ts';
import type { OptionWord } from './options.ts';
import { fail } from './refuse.ts';
import { parseLooseIpv4, parseTarget } from './target.ts';

/** The highest number the kernel takes, and a month, its longest time-out. */
const INT_MAX = 2_147_483_647;
export const MONTH = 31 * 24 * 3600;
/** A datagram's length without the headers of IPv4 and UDP. */
const LONGEST_DATAGRAM = 65535 - 20 - 8;
/** Names in ip_vs have at most so many bytes (IP_VS_SCHEDNAME_MAXLEN, IP_VS_PENAME_MAXLEN, IP_VS_IFNAME_MAXLEN, less the zero). */
const NAME_LENGTH = 15;

interface Option {
  readonly word: OptionWord;
  /** Which of several words for the option it is. */
  readonly value?: string;
  /** Absent where the word has none, or an optional one was left out. */
  readonly argument?: string;
  readonly at: number;
}

/** Takes an option into the draft; refuses what makes no sense. */
export function takeOption(draft: Draft, option: Option, names: Names): void {
  const { word, at } = option;
  if (draft.given.has(word)) fail(`multiple '${word}' options specified`, at);
  draft.given.set(word, at);
  TAKE[word]?.(draft, option.argument ?? '', option, names);
}

type Take = (draft: Draft, text: string, option: Option, names: Names) => void;

const number =
  (lowest: number, highest: number, what: string, put: (draft: Draft, value: number) => void): Take =>
  (draft, text, { at }) =>
    put(draft, parseInteger(text, lowest, highest) ?? fail(`illegal ${what} specified`, at));

const TAKE: Partial<Record<OptionWord, Take>> = {
  'service-address': takeService,
  scheduler: (draft, text) => {
    if (text !== '') draft.scheduler = text.slice(0, NAME_LENGTH);
  },
  persistent: takePersistent,
  netmask: takeNetmask,
  'real-server': takeServer,
  'forwarding-method': (draft, _, { value }) => {
    draft.forward = value as IpvsForward;
  },
  weight: number(0, INT_MAX, 'weight', (draft, value) => {
    draft.weight = value;
  }),
  'u-threshold': number(0, INT_MAX, 'u_threshold', (draft, value) => {
    draft.upper = value;
  }),
  'l-threshold': number(0, INT_MAX, 'l_threshold', (draft, value) => {
    draft.lower = value;
  }),
  'mcast-interface': (draft, text) => {
    draft.mcastInterface = text.slice(0, NAME_LENGTH);
  },
  syncid: number(0, 255, 'syncid', (draft, value) => {
    draft.syncId = value;
  }),
  'sync-maxlen': number(1, LONGEST_DATAGRAM, 'sync-maxlen', (draft, value) => {
    draft.syncMaxlen = value;
  }),
  'mcast-group': takeGroup,
  'mcast-port': number(1, 65535, 'mcast-port', (draft, value) => {
    draft.mcastPort = value;
  }),
  'mcast-ttl': number(1, 255, 'mcast-ttl', (draft, value) => {
    draft.mcastTtl = value;
  }),
  ops: (draft) => {
    draft.onePacket = true;
  },
  pe: (draft, text) => {
    draft.pe = text.slice(0, NAME_LENGTH);
  },
  'sched-flags': (draft, text) => {
    draft.schedulerFlags = text;
  },
  'tun-type': (draft, text, { at }) => {
    draft.tunnelType =
      IPVS_TUNNELS.find((type) => type === text) ?? fail('illegal tunnel type specified', at);
  },
  'tun-port': number(1, 65535, 'tunnel port', (draft, value) => {
    draft.tunnelPort = value;
  }),
  'tun-csum': (draft) => {
    draft.tunnelFlags |= 1;
  },
  'tun-remcsum': (draft) => {
    draft.tunnelFlags |= 2;
  },
};

function takeService(draft: Draft, text: string, { value, at }: Option, names: Names): void {
  if (value === 'fwmark') {
    draft.fwmark =
      parseInteger(text, 1, 0xffff_ffff) ?? fail(`invalid fwmark value \`${text}' specified`, at);
    // Names of a server's port are those of TCP.
    draft.protocol = 'tcp';
    return;
  }
  draft.protocol = value as IpvsProtocol;
  const target = parseTarget(text, draft.protocol, names);
  if (target === undefined) fail('illegal virtual server address[:port] specified', at);
  draft.address = target.address;
  draft.port = target.port ?? 0;
  draft.family = familyOf(target.address);
  if (draft.family === 6) draft.netmask = 128;
}

/** `-6`, which says what kind of addresses a mark is for. */
export function takeIpv6(draft: Draft, at: number): void {
  if (draft.fwmark === undefined) fail('-6 used before -f\n', at);
  draft.family = 6;
  draft.netmask = 128;
}

function takePersistent(draft: Draft, _: string, { argument, at }: Option): void {
  draft.persistent = true;
  draft.timeout =
    argument === undefined
      ? PERSISTENT_TIMEOUT
      : (parseInteger(argument, 1, MONTH) ?? fail(`invalid timeout value \`${argument}' specified`, at));
}

function takeNetmask(draft: Draft, text: string, { at }: Option): void {
  if (draft.family === 4) {
    draft.netmask = parseLooseIpv4(text) ?? fail('illegal virtual server persistent mask specified', at);
    return;
  }
  const length = leadingInteger(text);
  if (length < 1 || length > 128) fail('illegal ipv6 netmask specified', at);
  draft.netmask = length;
}

function takeServer(draft: Draft, text: string, { at }: Option, names: Names): void {
  const target = parseTarget(text, draft.protocol, names);
  if (target === undefined) fail('illegal real server address[:port] specified', at);
  draft.server = { address: target.address, port: target.port ?? draft.port };
}

function takeGroup(draft: Draft, text: string, { at }: Option): void {
  const address = parseAddress(text);
  const isMulticast = address !== undefined && rangeOf(address) === 'multicast';
  if (!isMulticast) fail(`invalid IPv${text.includes(':') ? 6 : 4} mcast-group \`${text}'`, at);
  draft.mcastGroup = address;
}
