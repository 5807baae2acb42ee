/** What a step does, on values: the model that plans are checked against, and what the simulated plane does. */
import { masqueradeKey, vipKey } from '../model/host.ts';
import { serviceKey } from '../model/service.ts';
import type { DirectorState } from './states.ts';
import type { Step } from './step.ts';

const put = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> =>
  new Map(map).set(key, value);
const drop = <K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> =>
  new Map([...map].filter(([other]) => other !== key));

/** The state after one step. */
export function apply(state: DirectorState, step: Step): DirectorState {
  switch (step.kind) {
    case 'set_sysctl':
      return { ...state, sysctls: put(state.sysctls, step.name, step.to) };
    case 'mend_plane':
      return state;
    case 'add_masquerade':
      return { ...state, masquerade: put(state.masquerade, masqueradeKey(step.rule), step.rule) };
    case 'remove_masquerade':
      return { ...state, masquerade: drop(state.masquerade, masqueradeKey(step.rule)) };
    case 'publish_service':
      return { ...state, services: put(state.services, serviceKey(step.after), step.after) };
    case 'remove_service':
      return { ...state, services: drop(state.services, step.key) };
    case 'set_forwarding':
      return { ...state, forwarding: step.to };
    case 'attach':
      return { ...state, interfaces: put(state.interfaces, step.interface.name, step.interface) };
    case 'detach':
      return { ...state, interfaces: drop(state.interfaces, step.interface.name) };
    case 'add_vip':
      return { ...state, vips: put(state.vips, vipKey(step.vip), step.vip) };
    case 'remove_vip':
      return { ...state, vips: drop(state.vips, vipKey(step.vip)) };
    case 'start_sync_daemon':
      return { ...state, syncDaemons: put(state.syncDaemons, step.after.role, step.after) };
    case 'stop_sync_daemon':
      return { ...state, syncDaemons: drop(state.syncDaemons, step.before.role) };
  }
}
