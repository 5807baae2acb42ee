/** A change as data: it can be printed, diffed, counted and audited before it is executed. */
import type { DirectorInterface, Forwarding, Masquerade, Vip } from '../model/host.ts';
import type { ServiceKey, VirtualService } from '../model/service.ts';
import type { SyncDaemon } from '../model/sync-daemon.ts';

/** One change, complete in itself. A plan is a list of them, in the order in which they are safe to execute. */
export type Step =
  | {
      readonly kind: 'set_sysctl';
      readonly name: string;
      readonly from: string | undefined;
      readonly to: string;
    }
  | { readonly kind: 'mend_plane'; readonly found: readonly string[] }
  | { readonly kind: 'add_masquerade'; readonly rule: Masquerade }
  | { readonly kind: 'remove_masquerade'; readonly rule: Masquerade }
  | {
      readonly kind: 'publish_service';
      readonly before: VirtualService | undefined;
      readonly after: VirtualService;
    }
  | { readonly kind: 'remove_service'; readonly key: ServiceKey; readonly before: VirtualService }
  | { readonly kind: 'set_forwarding'; readonly from: Forwarding; readonly to: Forwarding }
  | { readonly kind: 'attach'; readonly interface: DirectorInterface }
  | { readonly kind: 'detach'; readonly interface: DirectorInterface }
  | { readonly kind: 'add_vip'; readonly vip: Vip }
  | { readonly kind: 'remove_vip'; readonly vip: Vip }
  | {
      readonly kind: 'start_sync_daemon';
      readonly before: SyncDaemon | undefined;
      readonly after: SyncDaemon;
    }
  | { readonly kind: 'stop_sync_daemon'; readonly before: SyncDaemon };

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;
export type Plan = readonly Step[];
