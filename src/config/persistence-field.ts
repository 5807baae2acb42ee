/** The keys of a service's persistence. */
import { z } from 'zod';
import { DEFAULT_PERSISTENCE_MS, MAX_PERSISTENCE_MS, MIN_PERSISTENCE_MS } from '../core/model/persistence.ts';
import { durationBetween, numberField, switchField } from './fields.ts';
import { engineField } from './ipvs-fields.ts';
import { formatDuration } from './units.ts';

/** How clients are remembered. */
export const persistenceField = z.strictObject({
  timeout: durationBetween(MIN_PERSISTENCE_MS, MAX_PERSISTENCE_MS)
    .prefault(formatDuration(DEFAULT_PERSISTENCE_MS))
    .describe(
      "How long a client is remembered after it has opened a connection, 1s to 31d, as ipvsadm's -p.",
    ),
  granularity: numberField('a prefix length', 1, 128)
    .optional()
    .describe(
      "Clients whose addresses share a prefix of this length count as one, as by ipvsadm's -M. Default: 32, or 128 over IPv6, each by itself.",
    ),
  expire_quiescent_template: switchField
    .default(false)
    .describe(
      'true: a client of a server of weight 0 is scheduled anew when it comes back, as by the parameter of ip_vs; false: it keeps its server.',
    ),
  engine: engineField,
});
