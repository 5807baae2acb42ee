/**
 * What a client program inside a namespace and the program that started it say to each other: one JSON object a line
 * on its standard output, one bare word a line on its standard input.
 */

/** HTTP requests to one URL. */
export interface RequestsOptions {
  readonly url: string;
  /** How many; without it they go on until told to stop. */
  readonly count?: number;
  /** Requests on the way at the same time. Default 1. */
  readonly concurrency?: number;
  /** True keeps one connection for each of the concurrent requesters; false opens one per request. Default false. */
  readonly keepAlive?: boolean;
  /** Started per second at most, over all. Default: no bound with a count, 500 without. */
  readonly perSecond?: number;
  /** Milliseconds until a request counts as failed. Default 5,000. */
  readonly timeout?: number;
}

/** How the requests went. */
export interface RequestsResult {
  /** Answered with status 200 and a whole body. */
  readonly completed: number;
  readonly failed: number;
  /** Answers of each real server. */
  readonly byServer: Readonly<Record<string, number>>;
  /** Who answered, in the order of the answers; the first 10,000. */
  readonly sequence: readonly string[];
  /** What went wrong, one text a failure; the first 100. */
  readonly failures: readonly string[];
  readonly seconds: number;
  /** Seconds that the slowest answer took, and how many took half a second or more; of those that were answered. */
  readonly slowest: number;
  readonly slow: number;
}

/** One download. */
export interface DownloadOptions {
  readonly url: string;
  /** Bytes of the known pattern to send as the body of a POST; without it the request is a GET. */
  readonly send?: number;
  /** Milliseconds without a byte until it counts as failed. Default 10,000. */
  readonly timeout?: number;
}

/** How a download ended. */
export interface DownloadResult {
  readonly bytes: number;
  /** Of the bytes that came, in hexadecimal. */
  readonly sha256: string;
  /** The real server, when it named itself. */
  readonly server?: string;
  readonly seconds: number;
  /** Absent when the whole body came. */
  readonly failure?: string;
}

/** TCP connections to an echo service that are opened and held. */
export interface HoldOptions {
  readonly address: string;
  /** Default 7. */
  readonly port?: number;
  readonly count: number;
  /** Source port of the first connection, the next ones following it; the kernel chooses by default. */
  readonly sourcePort?: number;
  /** Bytes of each line that is sent when they are poked. Default as many as it takes to number it. */
  readonly size?: number;
  /** Milliseconds for opening, and for an echo. Default 5,000. */
  readonly timeout?: number;
}

/** What the held connections answered. */
export interface PokeResult {
  readonly alive: number;
  readonly byServer: Readonly<Record<string, number>>;
  /** One text per connection that is not alive any more. */
  readonly dead: readonly string[];
}

/** UDP datagrams to an echo service, one after the other. */
export interface UdpOptions {
  readonly address: string;
  /** Default 5353. */
  readonly port?: number;
  readonly count: number;
  /** Bytes of each datagram, 15 – 65,507. Default as many as it takes to number it. */
  readonly size?: number;
  /** Number of source ports used in turn. Default 1. */
  readonly sockets?: number;
  /** Source port of the first socket, the next ones following it; the kernel chooses by default. */
  readonly sourcePort?: number;
  /** Milliseconds until an answer counts as lost. Default 1,000. */
  readonly timeout?: number;
}

/** How the datagrams went. */
export interface UdpResult {
  readonly answered: number;
  readonly lost: number;
  readonly byServer: Readonly<Record<string, number>>;
  readonly sequence: readonly string[];
  /** Answers that did not carry what was sent. */
  readonly wrong: readonly string[];
}

/** TCP SYNs from addresses that nobody has; IPv4 only. */
export interface SynFloodOptions {
  readonly address: string;
  readonly port: number;
  /** At most 1,000,000. */
  readonly count: number;
  /** At most 50,000. */
  readonly perSecond: number;
  /** `neighbours` are 203.0.113.128–254; `far` are 198.51.100.1–254 (TEST-NET-2, RFC 5737). Default `far`. */
  readonly sources?: 'neighbours' | 'far';
}

/** How the flood went. */
export interface SynFloodResult {
  readonly sent: number;
  /** sendto(2) failures, e.g. a full queue. */
  readonly refused: number;
  readonly seconds: number;
}

/** Ethernet frames that go out as they are. */
export interface FramesOptions {
  /** The client's interface. */
  readonly interface: string;
  /** Whole frames from the destination address on, in hexadecimal; at least 14 bytes each. */
  readonly frames: readonly string[];
}

/** How many frames the kernel took. */
export interface FramesResult {
  readonly sent: number;
}

/** Each verb of the client program: what it takes, what it gives. */
export interface ClientVerbs {
  readonly requests: { readonly options: RequestsOptions; readonly result: RequestsResult };
  readonly download: { readonly options: DownloadOptions; readonly result: DownloadResult };
  readonly hold: { readonly options: HoldOptions; readonly result: PokeResult };
  readonly udp: { readonly options: UdpOptions; readonly result: UdpResult };
  readonly flood: { readonly options: SynFloodOptions; readonly result: SynFloodResult };
  readonly frames: { readonly options: FramesOptions; readonly result: FramesResult };
}

/** How far a verb is: `count` is of requests, bytes, connections or packets, as the verb has it. */
export interface Progress {
  readonly count: number;
  readonly failed: number;
  /** Of requests: answers of each real server so far. */
  readonly byServer?: Readonly<Record<string, number>>;
}

/** A line from the client program. */
export type ClientEvent =
  | ({ readonly event: 'progress' } & Progress)
  | { readonly event: 'poked'; readonly poke: PokeResult }
  | { readonly event: 'result'; readonly result: unknown };

/** The words the client program obeys. */
export type ClientCommand = 'stop' | 'poke';

/** What a verb's code gets from the program around it. */
export interface ClientContext {
  tell(event: ClientEvent): void;
  /** Calls back for every command that comes. */
  onCommand(callback: (command: ClientCommand) => void): void;
}
