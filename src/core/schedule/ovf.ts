/**
 * ovf, overflow: the server with the highest weight that has no more active connections than its weight; the next one
 * takes what flows over. When all are full, nobody gets the connection.
 */
import type { Schedule } from './candidate.ts';
import { least } from './least.ts';

/** The highest weight among those that are not full. */
export const ovf: Schedule = ({ servers }) =>
  least(servers, ({ active, weight }) => (active > weight ? undefined : { of: 1, per: weight }));
