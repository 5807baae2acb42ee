/** What the words of a command line have said so far. */
import type { Address, Family } from '../core/address/address.ts';
import type {
  IpvsDaemonState,
  IpvsForward,
  IpvsProtocol,
  IpvsTunnelType,
} from '../dataplane/ipvs/codec/values.ts';
import type { OptionWord } from './options.ts';

/** Seconds a client is remembered for when nothing else is said. */
export const PERSISTENT_TIMEOUT = 360;
/** The mask by which every client is one of its own. */
export const HOST_MASK = '255.255.255.255' as Address;

/** Filled word by word: the order matters, as a server's port is the service's that is known by then. */
export interface Draft {
  /** Where each option stands. */
  readonly given: Map<OptionWord, number>;
  protocol?: IpvsProtocol;
  address?: Address;
  port: number;
  fwmark?: number;
  family: Family;
  scheduler?: string;
  schedulerFlags?: string;
  persistent: boolean;
  onePacket: boolean;
  timeout: number;
  netmask: Address | number;
  pe?: string;
  server?: { readonly address: Address; readonly port: number };
  forward: IpvsForward;
  weight: number;
  upper: number;
  lower: number;
  tunnelType: IpvsTunnelType;
  tunnelPort: number;
  /** As in ip_vs: 0 no checksum, 1 checksum, 2 remote checksum. */
  tunnelFlags: number;
  daemon?: IpvsDaemonState;
  mcastInterface: string;
  syncId: number;
  syncMaxlen?: number;
  mcastGroup?: Address;
  mcastPort?: number;
  mcastTtl?: number;
  all: boolean;
  strict: boolean;
}

/** Nothing said yet: the defaults. */
export function emptyDraft(): Draft {
  return {
    given: new Map(),
    port: 0,
    family: 4,
    persistent: false,
    onePacket: false,
    timeout: 0,
    netmask: HOST_MASK,
    forward: 'route',
    weight: 1,
    upper: 0,
    lower: 0,
    tunnelType: 'ipip',
    tunnelPort: 0,
    tunnelFlags: 0,
    mcastInterface: 'eth0',
    syncId: 0,
    all: false,
    strict: false,
  };
}
