/** Steps into deeds: one table with exactly one executor for each kind, so that the compiler proves it complete. */
import type { Endpoint } from '../core/address/address.ts';
import type { VirtualService } from '../core/model/service.ts';
import type { Step, StepKind, StepOf } from '../core/plan/step.ts';
import type { DataPlane } from '../dataplane/port.ts';
import type { Host } from '../host/port.ts';
import { newlyGone } from './prompts.ts';

/** What steps are carried out on. */
export interface Edge {
  readonly plane: DataPlane;
  readonly host: Host;
  /** Told of the servers that a publication has made gone. */
  readonly prompt?: (service: VirtualService, gone: readonly Endpoint[]) => void;
}

type Executors = { readonly [K in StepKind]: (edge: Edge, step: StepOf<K>) => void | Promise<void> };

const EXECUTORS: Executors = {
  set_sysctl: ({ host }, step) => host.setSysctl(step.name, step.to),
  mend_plane: ({ plane }) => plane.mend?.(),
  add_masquerade: ({ host }, step) => host.addMasquerade(step.rule),
  remove_masquerade: ({ host }, step) => host.removeMasquerade(step.rule),
  publish_service: ({ plane, prompt }, { before, after }) => {
    plane.publishService(after);
    const gone = newlyGone(before, after);
    if (gone.length > 0) prompt?.(after, gone);
  },
  remove_service: ({ plane }, step) => plane.removeService(step.key),
  set_forwarding: ({ plane }, step) => plane.setForwarding(step.to),
  attach: ({ plane }, step) => plane.attach(step.interface),
  detach: ({ plane }, step) => plane.detach(step.interface),
  add_vip: ({ host }, step) => host.addVip(step.vip),
  remove_vip: ({ host }, step) => host.removeVip(step.vip),
  start_sync_daemon: ({ plane }, { after }) => syncDaemonsOf(plane).start(after),
  stop_sync_daemon: ({ plane }, { before }) => syncDaemonsOf(plane).stop(before.role),
};

/** Those of ip_vs: for no other plane are there such steps. */
function syncDaemonsOf({ syncDaemons }: DataPlane): NonNullable<DataPlane['syncDaemons']> {
  if (syncDaemons === undefined) throw new Error('sync daemons are on the plane `dataplane: ipvs` alone');
  return syncDaemons;
}

/** Carries one step out; rejects with what stood in its way. */
export async function execute(edge: Edge, step: Step): Promise<void> {
  await (EXECUTORS[step.kind] as (edge: Edge, step: Step) => void | Promise<void>)(edge, step);
}
