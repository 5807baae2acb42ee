/**
 * Clients of servers that are gone, made to speak: the packet path ends a connection by resetting its client's next
 * segment, and who waits for an answer sends none. So each is sent a bare acknowledgement from the VIP, which it answers.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Endpoint, type Family, familyOf, formatEndpoint } from '../core/address/address.ts';
import type { Connection } from '../core/model/connection.ts';
import { serviceKey, type VirtualService } from '../core/model/service.ts';
import type { ListedState } from '../core/model/state.ts';
import { bareAck } from '../core/packet/prompt.ts';
import type { DataPlane } from '../dataplane/port.ts';
import type { RawPackets } from '../kernel/raw-packets.ts';
import type { Log } from '../observe/log.ts';

/** Between two portions, in milliseconds. */
const PAUSE_MS = 50;
/** States in which a client can be waiting. */
const WAITING: readonly ListedState[] = ['ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT'];

/** What it stands on. */
export interface PromptParts {
  readonly plane: Pick<DataPlane, 'connections'>;
  /** Opens what sends for a family; may throw an Error. */
  readonly open: (family: Family) => RawPackets;
  /** Answers a second that the packet path gives at most, and so clients that are prompted; 0: none. */
  readonly rate: number;
  readonly log: Log;
}

/** The servers that a publication makes gone, which they were not before. */
export function newlyGone(before: VirtualService | undefined, after: VirtualService): readonly Endpoint[] {
  if (after.gone === undefined) return [];
  const known = new Set(before?.gone?.map(formatEndpoint));
  return after.gone.filter((one) => !known.has(formatEndpoint(one)));
}

/** Prompts clients in the background, one server after the other. */
export class Prompts {
  readonly #parts: PromptParts;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: PromptParts) {
    this.#parts = parts;
  }

  /** Prompts the clients that these servers of a service have now. */
  prompt(service: VirtualService, gone: readonly Endpoint[]): void {
    if (this.#parts.rate === 0 || service.protocol !== 'tcp') return;
    this.#work = this.#work.then(async () => {
      for (const server of gone) if (!this.#closed) await this.#clientsOf(service, server);
    });
  }

  /** Resolves when all that was asked for until now has been done. */
  get done(): Promise<void> {
    return this.#work;
  }

  /** Ends what is under way. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#work;
  }

  async #clientsOf(service: VirtualService, server: Endpoint): Promise<void> {
    const { plane, open, rate, log } = this.#parts;
    const about = { service: serviceKey(service), server: formatEndpoint(server) };
    let packets: RawPackets | undefined;
    let [sent, failed] = [0, 0];
    let why: unknown;
    try {
      packets = open(familyOf(server.address));
      const portion = Math.max(1, Math.floor((rate * PAUSE_MS) / 1000));
      // A server's port may be the one that the client asks for.
      const filter = { service: about.service, server: server.port === 0 ? server.address : about.server };
      for await (const chunk of plane.connections(filter))
        for (const { virtual, client } of chunk.filter(isWaiting)) {
          if (this.#closed) return;
          try {
            packets.send(bareAck(virtual, client), client.address);
            sent++;
          } catch (error) {
            // One of them may be out of reach, and the others not.
            failed++;
            why ??= error;
          }
          if ((sent + failed) % portion === 0) await wait(PAUSE_MS);
        }
    } catch (error) {
      why = error;
    } finally {
      packets?.close();
    }
    if (sent > 0) log.info('clients_prompted', { ...about, clients: sent });
    // They are reset when they next send something by themselves.
    if (why !== undefined) log.warn('prompt_failed', { ...about, clients: failed, error: why });
  }
}

const isWaiting = ({ protocol, state }: Connection): boolean => protocol === 'tcp' && WAITING.includes(state);
