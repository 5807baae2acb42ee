/** What a change of the configuration comes to, in lines for people. */
import { explainChecks } from '../core/health/explain.ts';
import type { Watch } from '../core/health/servers.ts';
import type { Config } from '../core/model/config.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { listOverrides, type Overrides, overrideText } from '../core/model/override.ts';
import { listRules, type RuleOverrides, ruleLine, ruleSubject } from '../core/model/rule-override.ts';
import { explainPlan } from '../core/plan/explain.ts';
import type { Plan } from '../core/plan/step.ts';
import { type Past, pastText } from './rules.ts';

/** What is fixed when a daemon starts. */
export type Fixed = Pick<Config, 'limits' | 'attach' | 'dataplane'>;

/** A data plane that an operator has chosen over the configuration. */
export interface ChosenPlane {
  readonly plane: PlaneKind;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** What is told beside the plan. */
export interface Beside {
  /** What is watched before the change and after it. */
  readonly from: Watch;
  readonly to: Watch;
  readonly overrides: Overrides;
  /** What ipvsadm has changed and counts after the change, and what of it counts no longer. */
  readonly rules: RuleOverrides;
  readonly past: readonly Past[];
  /** What the daemon was started with. */
  readonly fixed: Fixed;
  /** The plane that directs. */
  readonly directs: PlaneKind;
  readonly config: Config;
  readonly chosen?: ChosenPlane;
  /** What the last plan could not do, by the first line that explains it, and why. */
  readonly undone?: ReadonlyMap<string, string>;
}

/** A plan in lines, with what it does not say: which checks come and go, and what has to wait. */
export function differenceLines(
  plan: Plan,
  { from, to, overrides, rules, past, fixed, config, directs, chosen, undone }: Beside,
): string[] {
  const checks = explainChecks(from, to);
  const steps = plan.length === 0 && checks.length > 0 ? [] : explainPlan(plan);
  const said = listOverrides(overrides).map(
    (one) => `override: ${one.server} of ${one.service} is ${overrideText(one)}`,
  );
  const changed = listRules(rules).map((one) => `override: ${ruleSubject(one)} ${ruleLine(one)}`);
  return [
    ...checks,
    ...steps,
    ...(undone === undefined ? [] : firstOf(undoneLines(plan, undone), 'refusals more, which the log has')),
    ...said,
    ...firstOf(changed),
    ...firstOf(past.map(pastText)),
    ...chosenLines(chosen, config),
    ...waitingLines(fixed, config, directs, chosen),
  ];
}

/** As many lines of a kind are shown. */
const MOST_LINES = 50;

function firstOf(lines: readonly string[], rest = 'overrides more: weir overrides'): readonly string[] {
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} ${rest}`];
}

/** What could not be done the last time, as long as there is something to be done. */
const undoneLines = (plan: Plan, undone: ReadonlyMap<string, string>): readonly string[] =>
  plan.length === 0
    ? []
    : [...undone].map(([line, why]) => `refused the last time: ${line.replace(/^[-+~] /, '')}: ${why}`);

const chosenLines = (chosen: ChosenPlane | undefined, { dataplane }: Config): readonly string[] =>
  chosen === undefined
    ? []
    : [
        `override: dataplane is ${chosen.plane} since ${chosen.since.slice(0, 19)}Z (${dataplane} in the file; weir overrides write puts it there)`,
      ];

/** Tables are made once; way of attaching and rate of answers are set at the start: says so where a file asks for others. */
function waitingLines(
  fixed: Fixed,
  { limits, attach, dataplane }: Config,
  directs: PlaneKind,
  chosen: ChosenPlane | undefined,
): string[] {
  const directed =
    dataplane === fixed.dataplane || dataplane === directs || chosen !== undefined
      ? []
      : [
          `dataplane: ${fixed.dataplane} → ${dataplane} only by weir migrate, or after weir down and weir run`,
        ];
  const attached =
    attach === fixed.attach
      ? []
      : [`director.attach: ${fixed.attach} → ${attach} only when the daemon is started again`];
  const sizes = (Object.keys(limits) as (keyof Config['limits'])[])
    .filter((name) => limits[name] !== fixed.limits[name])
    .map(
      (name) =>
        `limits.${name}: ${fixed.limits[name]} → ${limits[name]} only after ${name.startsWith('answer_') ? '' : 'weir down and '}weir run`,
    );
  return [...directed, ...attached, ...sizes];
}
