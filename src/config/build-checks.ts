/** Health checks of a file that was found right → the checks of each server, with all that they are made of. */
import { formatEndpoint } from '../core/address/address.ts';
import type { Check, ServiceChecks } from '../core/model/check.ts';
import type { VirtualService } from '../core/model/service.ts';
import { buildCheck } from './build-check.ts';
import type { ParsedFile } from './schema.ts';

/** The checks of a service, of which `service` is what became; undefined where it has none. */
export function buildServiceChecks(
  written: ParsedFile['services'][number],
  service: VirtualService,
): ServiceChecks | undefined {
  const { start_as, on_failure, quorum, hysteresis, panic_threshold, flap_damping, checks: common } = written;
  const servers = new Map<string, readonly Check[]>();
  service.servers.forEach((server, j) => {
    const own = written.servers[j]?.checks ?? common;
    if (own !== undefined && own.length > 0)
      servers.set(
        formatEndpoint(server),
        own.map((check) => buildCheck(check, server)),
      );
  });
  if (servers.size === 0) return undefined;
  return {
    start_as,
    on_failure,
    ...(quorum !== undefined && { quorum: { quorum, hysteresis } }),
    ...(panic_threshold !== undefined && { panic_threshold }),
    ...(flap_damping !== undefined && { flap_damping }),
    servers,
  };
}
