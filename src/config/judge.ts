/** Values of a file → Config, or all that is wrong with them. */
import type { z } from 'zod';
import type { Config } from '../core/model/config.ts';
import { equalService } from '../core/model/equal.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { remembering } from '../core/model/remember.ts';
import { serviceKey, type VirtualService } from '../core/model/service.ts';
import { BUILDERS, type Builders, buildConfig } from './build.ts';
import { checkService, crossCheck } from './checks.ts';
import { type DraftService, draftOf, draftOfService, readDraft, readService } from './draft.ts';
import { explainIssues } from './issues.ts';
import { checkPlane, checkPlaneOfService, type Group } from './plane-checks.ts';
import type { Finding } from './problems.ts';
import { configSchema, type ParsedFile } from './schema.ts';

/** A configuration, or why there is none. */
export type Judged =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Judges the values of a file, `running` being the plane that `dataplane: auto` stands for where that is known, `instead` the one that
 * was chosen over the file.
 */
export type Judge = (value: unknown, running: PlaneKind | undefined, instead?: PlaneKind) => Judged;

type ParsedService = ParsedFile['services'][number];

/**
 * What judges values again and again, of which most are as they were: what was found of a service, and what became of it, is so again while
 * that is the very same object. So a change of one service of ten thousand costs little, and the others stay the objects that they were, which
 * spares those after it (`compose`, `diff`) from comparing them; so is a service that comes out as one of `built`, which were built before.
 * Values may not be changed once they were judged.
 */
export function judging(built: readonly VirtualService[] = []): Judge {
  const element = configSchema.shape.services.element;
  const parse = remembering((service: object) => element.safeParse(service));
  const draft = remembering(draftOfService);
  const alone = remembering(checkService);
  const ofPlane = remembering((value: Group['value'], at: string | number, plane: PlaneKind | undefined) =>
    checkPlaneOfService({ value, path: ['services', at] }, plane),
  );
  const builders: Builders = {
    timeouts: remembering(BUILDERS.timeouts),
    service: remembering((service, timeouts) => known(BUILDERS.service(service, timeouts))),
    checks: remembering(BUILDERS.checks),
  };
  const known = alikeOf(built);
  const parseRest = rememberingRest();
  return (value, running, instead) => {
    const list = servicesIn(value);
    const rest = parseRest(value, list);
    const parsed = list.map((one) => (isObject(one) ? parse(one) : element.safeParse(one)));
    const issues = [
      ...(rest.error?.issues ?? []),
      ...parsed.flatMap(({ error }, i) => (error === undefined ? [] : issuesAt(i, error.issues))),
    ];
    const drafts = parsed.flatMap(({ data }, i): DraftService | [] =>
      data === undefined ? readService(list[i], ['services', i]) : draft(data, i),
    );
    const rough = rest.success ? draftOf(rest.data, drafts) : readDraft(value, drafts);
    const findings = [
      ...(issues.length === 0 ? [] : explainIssues(issues, value)),
      ...crossCheck(rough, alone),
      ...checkPlane(value, running, instead, (service, plane) =>
        ofPlane(service.value, service.path[1]!, plane),
      ),
    ];
    // What could not be read from the text was said of that; it is an issue, and no finding.
    if (findings.length > 0 || issues.length > 0 || !rest.success) return { ok: false, findings };
    const services = parsed.map(({ data }) => data as ParsedService);
    return { ok: true, config: buildConfig({ ...rest.data, services }, builders) };
  };
}

/** Of services that are equal to one of these, that one. */
function alikeOf(services: readonly VirtualService[]): (service: VirtualService) => VirtualService {
  if (services.length === 0) return (service) => service;
  const all = new Map(services.map((service) => [serviceKey(service), service]));
  return (service) => {
    const before = all.get(serviceKey(service));
    return before !== undefined && equalService(before, service) ? before : service;
  };
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The services as written; none where there is no such list, which is said of the rest. */
function servicesIn(root: unknown): readonly unknown[] {
  const services = isObject(root) ? (root as Record<string, unknown>)['services'] : undefined;
  return Array.isArray(services) ? services : [];
}

/** An issue in a service as one of the whole file. */
const issuesAt = (i: number, issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] =>
  issues.map((issue) => ({ ...issue, path: ['services', i, ...issue.path] }));

/** The file without its services, parsed; remembered while each other key has the very same value. */
function rememberingRest() {
  let latest: { readonly of: Record<string, unknown>; readonly parsed: ReturnType<typeof parse> } | undefined;
  const parse = (value: unknown) => configSchema.safeParse(value);
  return (value: unknown, services: readonly unknown[]): ReturnType<typeof parse> => {
    if (!isObject(value) || services.length === 0) return parse(value);
    const of: Record<string, unknown> = { ...value, services: NO_SERVICES };
    const names = Object.keys(of);
    const before = latest?.of;
    const isSame =
      before !== undefined &&
      names.length === Object.keys(before).length &&
      names.every((name) => of[name] === before[name]);
    if (!isSame) latest = { of, parsed: parse(of) };
    return latest!.parsed;
  };
}

const NO_SERVICES: readonly unknown[] = [];
