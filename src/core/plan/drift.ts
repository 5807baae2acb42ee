/** What a step that repairs found, and what it puts in its place: a word each for the log. */
import { masqueradeKey, vipKey } from '../model/host.ts';
import { serviceKey } from '../model/service.ts';
import { syncDaemonText } from '../model/sync-daemon.ts';
import { explainStep } from './explain.ts';
import type { ObservedState } from './states.ts';
import type { Step, StepKind, StepOf } from './step.ts';

/** One thing that somebody else has changed. */
export interface Drift {
  /** The step that repairs it. */
  readonly step: StepKind;
  /** What it is about: a parameter, an address, a service. */
  readonly subject: string;
  readonly found: string;
  readonly wanted: string;
}

type Found = Pick<Drift, 'subject' | 'found' | 'wanted'>;

const ABSENT = 'absent';
const THERE = 'there';

const DESCRIPTIONS: {
  readonly [K in StepKind]: (step: StepOf<K>, observed: Pick<ObservedState, 'damaged'>) => Found;
} = {
  set_sysctl: ({ name, from, to }) => ({ subject: name, found: from ?? ABSENT, wanted: to }),
  mend_plane: ({ found }) => ({ subject: 'data plane', found: found.join('; '), wanted: 'as Weir made it' }),
  add_masquerade: ({ rule }) => ({
    subject: `masquerade ${masqueradeKey(rule)}`,
    found: 'absent, or in a table that was edited',
    wanted: THERE,
  }),
  remove_masquerade: ({ rule }) => ({
    subject: `masquerade ${masqueradeKey(rule)}`,
    found: THERE,
    wanted: ABSENT,
  }),
  publish_service: (step, { damaged }) => {
    const subject = serviceKey(step.after);
    const found =
      damaged?.get(subject) ?? (step.before === undefined ? ABSENT : explainStep(step).join('; '));
    return { subject, found, wanted: 'as configured' };
  },
  remove_service: ({ key }, { damaged }) => ({
    subject: key,
    found: damaged?.get(key) ?? THERE,
    wanted: ABSENT,
  }),
  set_forwarding: ({ from, to }) => ({ subject: 'forwarding', found: from, wanted: to }),
  attach: ({ interface: { name, side } }) => ({
    subject: `program on ${name}`,
    found: ABSENT,
    wanted: `attached (${side})`,
  }),
  detach: ({ interface: { name, side } }) => ({
    subject: `program on ${name}`,
    found: `attached (${side})`,
    wanted: ABSENT,
  }),
  add_vip: ({ vip }) => ({ subject: vipKey(vip), found: ABSENT, wanted: THERE }),
  remove_vip: ({ vip }) => ({ subject: vipKey(vip), found: THERE, wanted: ABSENT }),
  start_sync_daemon: ({ before, after }) => ({
    subject: `${after.role} sync daemon`,
    found: before === undefined ? ABSENT : syncDaemonText(before),
    wanted: syncDaemonText(after),
  }),
  stop_sync_daemon: ({ before }) => ({
    subject: `${before.role} sync daemon`,
    found: syncDaemonText(before),
    wanted: ABSENT,
  }),
};

/** What `step` found and repairs, where nobody has asked for a change. */
export function driftOf(step: Step, observed: Pick<ObservedState, 'damaged'>): Drift {
  const describe = DESCRIPTIONS[step.kind] as (step: Step, observed: Pick<ObservedState, 'damaged'>) => Found;
  return { step: step.kind, ...describe(step, observed) };
}
