/** The words that scenarios are told in: servers and clients by their numbers, and the steps that come again and again. */
import { type Address, parseAddress } from '../../src/core/address/address.ts';
import type { RealServer, VirtualService } from '../../src/core/model/service.ts';
import type { Scenario, Step } from './scenario.ts';

/** What a service has other than the usual one. */
export type Change = Partial<VirtualService> & { readonly family?: 4 | 6 };
/** The usual service with changes, or several; and what happens to them. */
export type Draft = readonly [Change, readonly Step[]];
/** As many services as are asked for of `service`, which makes them at the scenario's VIP. */
export type Make = (service: (change?: Change) => VirtualService) => Pick<Scenario, 'services' | 'steps'>;
/** By the scenario's name. */
export type Drafts = Readonly<Record<string, Draft | Make>>;

/** An address that is known to be one. */
export const at = (text: string): Address => parseAddress(text)!;
/** A real server by its number from 1; its port is 8080 unless it is said. */
export const server = (last: number, more: Partial<RealServer> = {}, family: 4 | 6 = 4): RealServer => ({
  address: at(family === 4 ? `192.168.1.${100 + last}` : `fd00:192:168:1::${100 + last}`),
  port: 8080,
  weight: 1,
  ...more,
});
/** A client's endpoint by its number from 1 and its port. */
export const client = (last: number, port: number, family: 4 | 6 = 4): string =>
  family === 4 ? `198.51.100.${last}:${port}` : `[2001:db8:51::${last}]:${port}`;

/** A client opens a TCP connection. */
export const open = (last: number, port = 4000): Step => ({ do: 'open', from: client(last, port) });
/** A client sends a datagram. */
export const send = (last: number, port = 4000): Step => ({ do: 'datagram', from: client(last, port) });
/** Connections and what the servers have are noted. */
export const LOOK: Step = { do: 'look' };
/** The service's servers from the first on get these weights; there are as many as weights. */
export const weights = (...all: readonly number[]): Step => ({
  do: 'publish',
  change: { servers: all.map((weight, i) => server(i + 1, { weight })) },
});
/** Clients `from` to `to` open a connection each. */
export const several = (from: number, to: number): Step[] =>
  Array.from({ length: to - from + 1 }, (_, i) => open(from + i));
