/** What a command line of ipvsadm asks for. */
import type { Endpoint } from '../core/address/address.ts';
import type {
  IpvsDaemon,
  IpvsDaemonState,
  IpvsServer,
  IpvsService,
  IpvsServiceId,
  IpvsTimeouts,
} from '../dataplane/ipvs/codec/values.ts';

/** What a listing shows of services and servers. */
const LIST_VIEWS = ['plain', 'stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const;
export type ListView = (typeof LIST_VIEWS)[number];

/** What is listed, and how. */
export interface ListCommand {
  readonly kind: 'list';
  readonly what: 'services' | 'connections' | 'timeouts' | 'daemons';
  readonly view: ListView;
  /** One service alone. */
  readonly id?: IpvsServiceId;
  readonly numeric: boolean;
  readonly exact: boolean;
  readonly sorted: boolean;
  /** Of connections: also what a persistence engine knows of them. */
  readonly engines: boolean;
}

export type Command =
  | { readonly kind: 'add-service' | 'edit-service'; readonly service: IpvsService }
  | { readonly kind: 'delete-service'; readonly id: IpvsServiceId }
  | { readonly kind: 'flush' | 'help' | 'version' }
  /** `strict`: line by line, as the real one. */
  | { readonly kind: 'restore'; readonly strict: boolean }
  /** `all`: with what the real one forgets, too. */
  | { readonly kind: 'save'; readonly numeric: boolean; readonly all: boolean }
  | { readonly kind: 'add-server' | 'edit-server'; readonly id: IpvsServiceId; readonly server: IpvsServer }
  | { readonly kind: 'delete-server'; readonly id: IpvsServiceId; readonly server: Endpoint }
  | ListCommand
  | { readonly kind: 'zero'; readonly id?: IpvsServiceId }
  | { readonly kind: 'set'; readonly timeouts: IpvsTimeouts }
  | { readonly kind: 'start-daemon'; readonly daemon: IpvsDaemon }
  | { readonly kind: 'stop-daemon'; readonly state: IpvsDaemonState };

/** A command line that makes no sense. */
export interface Refusal {
  /** Without the newline at its end. */
  readonly text: string;
  /** 2, or 255 for what is found while the words are read. */
  readonly code: 2 | 255;
  /** Whether the real one stops reading rules at such a line. */
  readonly ends: boolean;
  /** Which piece of the command line is meant; absent: the line as a whole. */
  readonly at?: number;
}

export type Parsed =
  | { readonly ok: true; readonly command: Command }
  | { readonly ok: false; readonly refusal: Refusal };
