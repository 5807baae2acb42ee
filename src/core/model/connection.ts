/** A tracked connection, as listed to people and programs. */
import type { Endpoint } from '../address/address.ts';
import type { Protocol } from './service.ts';
import type { ListedState } from './state.ts';

/**
 * One connection through the director: who, to which virtual service, served by whom. In the state TEMPLATE it is none:
 * new connections of the client, which is a network's address if clients are grouped, with port 0, go to that server.
 */
export interface Connection {
  readonly protocol: Protocol;
  readonly state: ListedState;
  readonly client: Endpoint;
  readonly virtual: Endpoint;
  readonly server: Endpoint;
  /** The port the server sees as the client's: the client's own unless two connections would have collided; 0 of a template. */
  readonly client_port_at_server: number;
  /** Milliseconds until it is removed if no packet comes; 0 if that moment has passed. */
  readonly expires_ms: number;
}
