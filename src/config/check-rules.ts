/** Rules between the keys of a health check, and between a check and whom it is for. */

import { familyOf } from '../core/address/address.ts';
import type { Scheduler } from '../core/model/service.ts';
import { checkType } from './check-type-rules.ts';
import type { DraftService } from './draft.ts';
import type { DraftCheck } from './draft-checks.ts';
import type { Finding } from './problems.ts';
import { formatDuration } from './units.ts';

/** What is wrong with the checks of a service and of its servers. */
export function checkChecks(service: DraftService): readonly Finding[] {
  const all = [...service.checks, ...service.servers.flatMap(({ checks }) => checks)];
  // A server has its own checks, or the service's.
  const common = service.servers.filter(({ checks }) => checks.length === 0);
  const portless = new Set<DraftCheck>([
    ...(common.some(({ port }) => port === 0) ? service.checks : []),
    ...service.servers.flatMap(({ port, checks }) => (port === 0 ? checks : [])),
  ]);
  return [
    ...checkQuorum(service, all.length),
    ...checkNeeds(service, all.length),
    ...checkSlowStart(service),
    ...all.flatMap((check) => [
      ...checkType(check),
      ...checkTimeout(check),
      ...checkFeedback(service, check),
      ...checkTarget(service, check, portless.has(check)),
    ]),
  ];
}

/** Schedulers that ask only whether a weight is 0. */
const WEIGHTLESS: readonly (Scheduler | undefined)[] = ['rr', 'lc', 'dh'];

function checkSlowStart({
  path,
  hasSlowStart,
  hasSlowStartSteps,
  scheduler,
}: DraftService): readonly Finding[] {
  if (hasSlowStartSteps && !hasSlowStart)
    return [
      {
        path: [...path, 'slow_start_steps'],
        message: 'nobody starts slowly here',
        expected: 'the key slow_start beside it',
        part: 'key',
      },
    ];
  if (!hasSlowStart || !WEIGHTLESS.includes(scheduler)) return [];
  return [
    {
      path: [...path, 'slow_start'],
      message: `the scheduler ${scheduler} does not go by weights`,
      expected: 'one that does, such as wlc or wrr',
      part: 'key',
    },
  ];
}

function checkFeedback(
  { scheduler }: DraftService,
  { path, typeKeys, feedbackBounds }: DraftCheck,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (typeKeys.includes('feedback') && WEIGHTLESS.includes(scheduler))
    findings.push({
      path: [...path, 'feedback'],
      message: `the scheduler ${scheduler} does not go by weights`,
      expected: 'one that does, such as wlc or wrr',
      part: 'key',
    });
  if (feedbackBounds !== undefined && feedbackBounds.floor > feedbackBounds.ceiling)
    findings.push({
      path: [...path, 'feedback'],
      message: `the floor, ${feedbackBounds.floor}%, is above the ceiling, ${feedbackBounds.ceiling}%`,
      expected: 'a floor that is at most the ceiling',
      part: 'key',
    });
  return findings;
}

function checkQuorum({ path, quorum, hysteresis }: DraftService, checks: number): readonly Finding[] {
  const findings: Finding[] = [];
  if (quorum !== undefined && checks === 0)
    findings.push({
      path: [...path, 'quorum'],
      message: 'nobody is ever down here',
      expected: 'the key checks beside it',
      part: 'key',
    });
  if (hysteresis !== undefined && hysteresis > 0 && hysteresis >= (quorum ?? 0))
    findings.push({
      path: [...path, 'hysteresis'],
      message: `${hysteresis} is not less than the quorum`,
      expected: quorum === undefined ? 'the key quorum beside it' : `a whole number from 0 to ${quorum - 1}`,
    });
  return findings;
}

/** What would do nothing without checks. */
function checkNeeds(
  { path, hasPanicThreshold, hasFlapDamping }: DraftService,
  checks: number,
): readonly Finding[] {
  if (checks > 0) return [];
  const there = [
    ...(hasPanicThreshold ? ['panic_threshold'] : []),
    ...(hasFlapDamping ? ['flap_damping'] : []),
  ];
  return there.map((name) => ({
    path: [...path, name],
    message: 'nobody is ever down here',
    expected: 'the key checks beside it',
    part: 'key',
  }));
}

function checkTimeout({ path, interval, timeout }: DraftCheck): readonly Finding[] {
  if (interval === undefined || timeout === undefined || timeout <= interval) return [];
  const [long, short] = [formatDuration(timeout), formatDuration(interval)];
  return [
    {
      path: [...path, 'timeout'],
      message: `${long} is longer than the interval`,
      expected: `at most ${short}, or a longer interval`,
    },
  ];
}

function checkTarget(service: DraftService, check: DraftCheck, isPortless: boolean): readonly Finding[] {
  const { path, type, sourceAddress, connectAddress, hasConnectPort } = check;
  const findings: Finding[] = [];
  const lacksPort = type !== 'ping' && !hasConnectPort;
  if (service.port === 0 && service.protocol !== 'fwmark' && lacksPort)
    findings.push({
      path,
      message: 'a service of every port does not say which one to check',
      expected: 'the key connect_port',
    });
  else if (isPortless && lacksPort)
    findings.push({
      path,
      message: 'a server at the port that the client asks for does not say which one to check',
      expected: 'the key connect_port, or a port of the server',
    });
  const target = connectAddress ?? service.address?.value;
  if (sourceAddress !== undefined && target !== undefined && familyOf(target) !== familyOf(sourceAddress))
    findings.push({
      path: [...path, 'source_address'],
      message: `${sourceAddress} is IPv${familyOf(sourceAddress)}, but what is checked is IPv${familyOf(target)}`,
      expected: `an IPv${familyOf(target)} address`,
    });
  return findings;
}
