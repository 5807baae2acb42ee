/** Health checks of a file that was found right → the checks of each server, with all that they are made of. */
import { formatEndpoint } from '../core/address/address.ts';
import {
  type Check,
  type Checks,
  DEFAULT_CHECK_TIMEOUT_MS,
  type HttpCheck,
  type ServiceChecks,
} from '../core/model/check.ts';
import { type RealServer, type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';
import type { ParsedCheck } from './check-schema.ts';
import type { ParsedFile } from './schema.ts';

const DEFAULT_STATUS: HttpCheck['status'] = [[200, 299]];

/** The checks of all services; `services` are what became of those in the file, in the same order. */
export function buildChecks(file: ParsedFile, services: readonly VirtualService[]): Checks {
  const checks = new Map<ServiceKey, ServiceChecks>();
  file.services.forEach((written, i) => {
    const { start_as, on_failure, quorum, hysteresis, checks: common } = written;
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
        servers,
      });
  });
  return checks;
}

function buildCheck(check: ParsedCheck, server: RealServer): Check {
  const { interval, timeout = Math.min(DEFAULT_CHECK_TIMEOUT_MS, interval), rise, fall } = check;
  const common = {
    address: check.connect_address ?? server.address,
    port: check.connect_port ?? server.port,
    ...(check.source_address && { source: check.source_address }),
    interval,
    timeout,
    rise,
    fall,
  };
  if (check.type === 'tcp') return { type: 'tcp', ...common };
  const { contains, regex, digest } = check.body ?? {};
  return {
    type: 'http',
    ...common,
    method: check.method ?? 'GET',
    path: check.path ?? '/',
    ...(check.host !== undefined && { host: check.host }),
    status: check.status ?? DEFAULT_STATUS,
    ...(check.body && {
      body: {
        ...(contains !== undefined && { contains }),
        ...(regex !== undefined && { regex }),
        ...(digest !== undefined && { digest }),
      },
    }),
  };
}
