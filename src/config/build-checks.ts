/** Health checks of a file that was found right → the checks of each server, with all that they are made of. */
import { formatEndpoint } from '../core/address/address.ts';
import type { Check, Checks, ServiceChecks } from '../core/model/check.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';
import { buildCheck } from './build-check.ts';
import type { ParsedFile } from './schema.ts';

/** The checks of all services; `services` are what became of those in the file, in the same order. */
export function buildChecks(file: ParsedFile, services: readonly VirtualService[]): Checks {
  const checks = new Map<ServiceKey, ServiceChecks>();
  file.services.forEach((written, i) => {
    const {
      start_as,
      on_failure,
      quorum,
      hysteresis,
      panic_threshold,
      flap_damping,
      checks: common,
    } = written;
    const service = services[i]!;
    const servers = new Map<string, readonly Check[]>();
    service.servers.forEach((server, j) => {
      const own = written.servers[j]?.checks ?? common;
      if (own !== undefined && own.length > 0)
        servers.set(
          formatEndpoint(server),
          own.map((check) => buildCheck(check, server)),
        );
    });
    if (servers.size > 0)
      checks.set(serviceKey(service), {
        start_as,
        on_failure,
        ...(quorum !== undefined && { quorum: { quorum, hysteresis } }),
        ...(panic_threshold !== undefined && { panic_threshold }),
        ...(flap_damping !== undefined && { flap_damping }),
        servers,
      });
  });
  return checks;
}
