/** A tracked connection, as listed to people and programs. */
import type { Endpoint } from '../address/address.ts';
import type { Protocol } from './service.ts';
import type { ConnectionState } from './state.ts';

/** One connection through the director: who, to which virtual service, served by whom. */
export interface Connection {
  readonly protocol: Protocol;
  readonly state: ConnectionState;
  readonly client: Endpoint;
  readonly virtual: Endpoint;
  readonly server: Endpoint;
  /** The port the server sees as the client's: the client's own unless two connections would have collided. */
  readonly client_port_at_server: number;
  /** Milliseconds until it is removed if no packet comes; 0 if that moment has passed. */
  readonly expires_ms: number;
}
