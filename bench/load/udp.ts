/** Small UDP: questions and answers of 32 bytes. */
import type { Load } from './load.ts';
import { programLoad } from './program.ts';

/**
 * Sixteen sockets for each real server with one question on its way in each. A socket is one connection to a director
 * for the whole turn, so it is forwarding that is measured, not opening.
 */
export function udp(): Load {
  return programLoad({
    name: 'udp',
    service: { protocol: 'udp', port: 5002 },
    operation: 'answer',
    unit: 1,
    connections: 16,
  });
}
