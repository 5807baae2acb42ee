/** fo, fail-over: everything to the server with the highest weight, the first of equals. */
import type { Schedule } from './candidate.ts';
import { least } from './least.ts';

/** The highest weight. */
export const fo: Schedule = ({ servers }) => least(servers, ({ weight }) => ({ of: 1, per: weight }));
