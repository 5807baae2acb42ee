/** Every scheduler by its name. A new one is a file here, a file in bpf/schedule/, and a line in each table. */
import type { Scheduler } from '../model/service.ts';
import type { Schedule } from './candidate.ts';
import { lc, wlc } from './least.ts';
import { rr } from './rr.ts';
import { wrr } from './wrr.ts';

/** The reference of each scheduler; shared vectors hold the C against it. */
export const SCHEDULES: Readonly<Record<Scheduler, Schedule>> = { rr, wrr, lc, wlc };
