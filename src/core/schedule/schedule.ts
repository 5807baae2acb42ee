/** Every scheduler by its name. A new one is a file here, a file in bpf/schedule/, and a line in each table. */
import type { Scheduler } from '../model/service.ts';
import type { Candidate, Request, Schedule, Scheduled } from './candidate.ts';
import { dh } from './dh.ts';
import { fo } from './fo.ts';
import { lblc } from './lblc.ts';
import { lblcr } from './lblcr.ts';
import { lc, wlc } from './least.ts';
import { mh } from './mh.ts';
import { nq } from './nq.ts';
import { ovf } from './ovf.ts';
import { rr } from './rr.ts';
import { sed } from './sed.ts';
import { sh } from './sh.ts';
import { twos } from './twos.ts';
import { wrr } from './wrr.ts';

const SCHEDULES: Readonly<Record<Scheduler, Schedule>> = {
  rr,
  wrr,
  lc,
  wlc,
  sed,
  nq,
  fo,
  ovf,
  dh,
  sh,
  mh,
  twos,
  lblc,
  lblcr,
};

/**
 * The server for the next connection; undefined when there is none for it. What the scheduler remembers, in
 * `service.state`, moves on. Shared vectors hold the C against this.
 */
export function choose<S extends Candidate>(service: Scheduled<S>, request: Request): S | undefined {
  if (service.servers.every(({ weight }) => weight === 0)) return undefined;
  const index = SCHEDULES[service.scheduler](service, request);
  return index === undefined ? undefined : service.servers[index];
}
