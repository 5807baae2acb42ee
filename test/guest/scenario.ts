/** What the schedulers of ip_vs and ours are both asked: a service, its servers, and what happens one after the other. */
import type { Address, Endpoint, Family } from '../../src/core/address/address.ts';
import type { Protocol } from '../../src/core/model/service.ts';

/** A new connection; each of a scenario has a client endpoint of its own. */
export interface Opening {
  /** Of TCP `open` is a connection as far as ESTABLISHED, `half` only its SYN; of UDP both are a datagram. */
  readonly kind: 'open' | 'half';
  readonly client: Endpoint;
  /** Which of the service's addresses it goes to. */
  readonly to: number;
}

/** What happens to the service. */
export type Step =
  | Opening
  /** The client's FIN on the connection of an earlier step: active no more, and still there. */
  | { readonly kind: 'close'; readonly step: number }
  /** The client's RST on the connection of an earlier step: closed, and gone after the next rest. */
  | { readonly kind: 'reset'; readonly step: number }
  /** So long a time that closed connections are gone. At most one in a scenario, and none beside new weights. */
  | { readonly kind: 'rest' }
  /** New weights for all the servers, in their order. */
  | { readonly kind: 'weights'; readonly weights: readonly number[] };

/** A server as ip_vs is told of it. */
export interface ScenarioServer extends Endpoint {
  /** 0–65535. */
  readonly weight: number;
  /** Thresholds as ipvsadm's -x and -y; absent for none. */
  readonly upper?: number;
  readonly lower?: number;
}

/** A service's life. */
export interface Scenario {
  /** Unlike any other. */
  readonly name: string;
  /** ip_vs's name, and its flags as ipvsadm writes them. */
  readonly scheduler: string;
  readonly flags: readonly string[];
  readonly protocol: Protocol;
  readonly family: Family;
  /** One: a service of this address. Several: a service of a firewall mark that is set on packets to any of them. */
  readonly addresses: readonly Address[];
  /** 1–65535, in one run of the guest no two the same. */
  readonly port: number;
  /** In the order that ip_vs has them in; it puts the one that was added last in front. */
  readonly servers: readonly ScenarioServer[];
  readonly steps: readonly Step[];
}

/** Which server each opening of a scenario got, in order: its letter, A for the first; `-` where none was available. */
export type Choices = string;

/** Writes a choice; `index` 0–25 or undefined for none. */
export function choiceLetter(index: number | undefined): string {
  return index === undefined ? '-' : String.fromCharCode(65 + index);
}

/** The openings of a scenario, in order. */
export function openingsOf(scenario: Scenario): readonly Opening[] {
  return scenario.steps.flatMap((step) => (step.kind === 'open' || step.kind === 'half' ? [step] : []));
}
