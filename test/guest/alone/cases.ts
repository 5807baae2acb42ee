/** All that ip_vs alone can do, in one configuration, and its cases. */
import type { AloneCase } from './case.ts';
import { MARK_CASES, MARK_SERVICES } from './marks.ts';
import { PAST_CASES, PAST_SERVICES } from './past.ts';
import { SCTP_CASES, SCTP_SERVICES } from './sctp.ts';
import { SIP_CASES, SIP_SERVICES } from './sip.ts';

/** The file that the daemon is started with. */
export const CONFIG = `dataplane: ipvs
director: {public: d0, private: e0}
vips: [{address: 203.0.113.100/24}, {address: 203.0.113.101/24}, {address: "2001:db8:113::100/64"}]
services:
${MARK_SERVICES}${SCTP_SERVICES}${SIP_SERVICES}${PAST_SERVICES}`;

export const CASES: readonly AloneCase[] = [...MARK_CASES, ...SCTP_CASES, ...SIP_CASES, ...PAST_CASES];
