/**
 * Which services in ip_vs's table are Weir's, and what was asked of them: a file that outlives the daemon, but not the
 * boot, which empties the table too. Each change is a line at its end, written before the table changes.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type ServiceKey, serviceKey, type VirtualService } from '../../core/model/service.ts';
import type { SyncDaemon, SyncRole } from '../../core/model/sync-daemon.ts';
import { NotWritten, writeDurably } from '../../kernel/durable.ts';
import type { IpvsTimeouts } from './codec/values.ts';

/** Which table the record is about. */
export interface TableIdentity {
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot_id: string;
  /** As `networkNamespaceCookie` gives it. */
  readonly network_namespace: string;
}

/** A service of Weir's in the table. */
export interface OwnService {
  readonly service: VirtualService;
  /** It is no longer configured, and is there for the connections it has. */
  readonly leaving: boolean;
}

/** A sync daemon of the configuration. */
export interface OwnDaemon {
  readonly daemon: SyncDaemon;
  /** False where it ran already as it was to be: then it stays when Weir goes. */
  readonly started: boolean;
}

/** A line of the file; the first one is its head. */
type Line =
  | ({ readonly version: 1 } & TableIdentity)
  | { readonly publish: VirtualService }
  | { readonly leave: ServiceKey }
  | { readonly forget: ServiceKey }
  | { readonly timeouts: IpvsTimeouts }
  | { readonly start_daemon: OwnDaemon }
  | { readonly forget_daemon: SyncRole };

/** The file's path. */
export const recordPath = (directory: string): string => join(directory, 'services.jsonl');

/** Reads the lines of a file; an error for what is no line of ours, but for a last one that was not written to its end. */
function readLines(path: string, text: string): readonly Line[] {
  const lines = text.split('\n');
  const unfinished = lines.pop();
  return lines.map((line, i) => {
    try {
      const value = JSON.parse(line) as unknown;
      if (typeof value === 'object' && value !== null) return value as Line;
    } catch {
      // Said below.
    }
    throw new Error(
      `${path}: line ${i + 1} is damaged${unfinished === '' ? '' : ', and the last one cut short'}. It holds which services ` +
        'of ip_vs are Weir’s: move it away, and remove those that are left with ipvsadm',
    );
  });
}

const textOf = (line: Line): string => `${JSON.stringify(line)}\n`;

/** The record of Weir's services in one table. Every change of it throws a NotWritten, or what node:fs throws, and then the table must not change. */
export class ServiceRecord {
  readonly #path: string;
  readonly #services = new Map<ServiceKey, OwnService>();
  readonly #daemons = new Map<SyncRole, OwnDaemon>();
  #timeouts: IpvsTimeouts | undefined;
  #fd: number;

  /**
   * Reads the file in `directory`, or makes it; one from before the latest boot is begun anew. Throws an Error for a file that is
   * damaged, or about another network namespace.
   */
  constructor(directory: string, identity: TableIdentity) {
    this.#path = recordPath(directory);
    for (const line of this.#load(identity)) this.#take(line);
    // Without what has been overtaken since; a crash leaves the old one.
    writeDurably(
      this.#path,
      [
        textOf({ version: 1, ...identity }),
        ...(this.#timeouts === undefined ? [] : [textOf({ timeouts: this.#timeouts })]),
        ...[...this.#daemons.values()].map((one) => textOf({ start_daemon: one })),
        ...[...this.#services].flatMap(([key, { service, leaving }]) => [
          textOf({ publish: service }),
          ...(leaving ? [textOf({ leave: key })] : []),
        ]),
      ].join(''),
    );
    this.#fd = openSync(this.#path, 'a');
  }

  get services(): ReadonlyMap<ServiceKey, OwnService> {
    return this.#services;
  }

  /** Sync daemons that are to run. */
  get daemons(): ReadonlyMap<SyncRole, OwnDaemon> {
    return this.#daemons;
  }

  /** ip_vs's time-outs before Weir changed them; undefined while it has not. */
  get timeouts(): IpvsTimeouts | undefined {
    return this.#timeouts;
  }

  /** The service is to be in the table. */
  publish(service: VirtualService): void {
    this.#write({ publish: service });
  }

  /** The service is to go, once its connections have ended. */
  leave(key: ServiceKey): void {
    this.#write({ leave: key });
  }

  /** The service is no longer in the table. */
  forget(key: ServiceKey): void {
    this.#write({ forget: key });
  }

  /** What ip_vs's time-outs were; only the first ones count. */
  keepTimeouts(timeouts: IpvsTimeouts): void {
    if (this.#timeouts === undefined) this.#write({ timeouts });
  }

  /** The daemon is to run. */
  startDaemon(own: OwnDaemon): void {
    this.#write({ start_daemon: own });
  }

  /** There is to be none of the role. */
  forgetDaemon(role: SyncRole): void {
    this.#write({ forget_daemon: role });
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Removes the file; the record is closed by it. */
  delete(): void {
    this.close();
    rmSync(this.#path, { force: true });
    this.#fd = -1;
  }

  #load(identity: TableIdentity): readonly Line[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const [head, ...lines] = readLines(this.#path, text);
    if (head === undefined || !('version' in head) || head.version !== 1)
      throw new Error(`${this.#path} is not Weir's, or of a later version; move it away`);
    if (head.boot_id !== identity.boot_id) return [];
    if (head.network_namespace !== identity.network_namespace)
      throw new Error(
        `${this.#path} is about another network namespace; run Weir in that one, or give this one a state directory of its own`,
      );
    return lines;
  }

  // No fsync: a crash of the machine empties the table, and only that could lose what has been written.
  #write(line: Line): void {
    const { size } = fstatSync(this.#fd);
    try {
      // A disk that gets full takes part of it (write(2)), and the rest of it fails.
      const bytes = Buffer.from(textOf(line));
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      // The next line would begin in the middle of this one.
      ftruncateSync(this.#fd, size);
      throw new NotWritten(this.#path, error as NodeJS.ErrnoException);
    }
    this.#take(line);
  }

  #take(line: Line): void {
    if ('publish' in line)
      this.#services.set(serviceKey(line.publish), { service: line.publish, leaving: false });
    else if ('forget' in line) this.#services.delete(line.forget);
    else if ('start_daemon' in line) this.#daemons.set(line.start_daemon.daemon.role, line.start_daemon);
    else if ('forget_daemon' in line) this.#daemons.delete(line.forget_daemon);
    else if ('timeouts' in line) this.#timeouts ??= line.timeouts;
    else if ('leave' in line) {
      const own = this.#services.get(line.leave);
      if (own !== undefined) this.#services.set(line.leave, { ...own, leaving: true });
    }
  }
}
