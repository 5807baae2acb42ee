/** What a running director offers to whoever may open its control socket. */
import type { Connection } from '../core/model/connection.ts';
import type { ServiceCounters, Verdicts } from '../core/model/counters.ts';
import type { Plan } from '../core/plan/step.ts';
import type { ConnectionFilter } from '../dataplane/port.ts';

/** How the last reading of the configuration file went, the one at start included. */
export interface LastReload {
  readonly ok: boolean;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** One line for people. */
  readonly message: string;
}

/** Who is running, since when, on what. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  /** Absolute path. */
  readonly config_file: string;
  /** The data plane's own description, one line. */
  readonly plane: string;
  readonly last_reload: LastReload;
}

/** A configuration that is not (yet) the daemon's own file. */
export interface ConfigText {
  readonly text: string;
  /** What to call it in messages. */
  readonly file: string;
}

/** A configuration with mistakes: nothing was changed; one line per problem, with file, line and column. */
export interface Refused {
  readonly ok: false;
  readonly problems: readonly string[];
}

/** What a reload would do, as steps and as lines for people; no steps when nothing differs. */
export interface DiffDone {
  readonly ok: true;
  readonly steps: Plan;
  readonly lines: readonly string[];
}

/** What a reload did: how many steps, and lines for people. */
export interface ReloadDone {
  readonly ok: true;
  readonly steps: number;
  readonly lines: readonly string[];
}

/** The director as seen through the control socket; a method that cannot do its work rejects with an Error for people. */
export interface Control {
  status(): Status;
  services(): Promise<readonly ServiceCounters[]>;
  /** Live connections in chunks; the consumer may stop early, and then the iterator's `return` is called. */
  connections(filter: ConnectionFilter): AsyncIterable<readonly Connection[]>;
  verdicts(): Verdicts;
  /** Compares what is with `config`, or with the daemon's own file as it is on disk now; changes nothing. */
  diff(config?: ConfigText): Promise<DiffDone | Refused>;
  /** Reads the daemon's own file again and carries it out; a bad file is refused and the old one stays. */
  reload(): Promise<ReloadDone | Refused>;
  /** Removes the data plane and restores the host; returns a line per thing done. Afterwards the daemon closes its socket and exits. */
  down(): Promise<readonly string[]>;
}
