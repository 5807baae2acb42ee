/** TCP bulk: the client downloads from all real servers at once. */
import type { Load } from './load.ts';
import { programLoad } from './program.ts';

/**
 * Downloads over four connections to each real server. An operation is a MiB that arrived, in the large packets of
 * segmentation offload. All connections are read by one thread of the client and written by one of their server, so
 * it makes no difference which of them leads where, as long as every server has as many.
 */
export function bulk(): Load {
  return programLoad({
    name: 'bulk',
    service: { protocol: 'tcp', port: 5001 },
    operation: 'MiB',
    unit: 2 ** 20,
    connections: 4,
  });
}
