/** What two planes did of the same scenarios, item by item; and which of their disagreements are known, with the reason. */
import type { AllSeen } from './scenario.ts';

/** Something that was seen otherwise on the two. */
export interface Disagreement {
  readonly scenario: string;
  readonly item: string;
  readonly bpf: string | number;
  readonly ipvs: string | number;
}

/** A reason why the planes disagree, and about what. */
export interface Known {
  readonly reason: string;
  readonly scenario: RegExp;
  readonly item: RegExp;
}

/** Seconds by which times may differ: the two hosts are not equally quick, and ip_vs tells whole seconds. */
const TOLERANCE = 2;

const ABSENT = 'absent';

const agree = (a: string | number, b: string | number): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= TOLERANCE : a === b;

/** Every item that was seen otherwise, or on one of them alone, and how many there are in all. */
export function compare(
  bpf: AllSeen,
  ipvs: AllSeen,
): { readonly items: number; readonly disagreements: readonly Disagreement[] } {
  const disagreements: Disagreement[] = [];
  let items = 0;
  for (const scenario of new Set([...Object.keys(bpf), ...Object.keys(ipvs)])) {
    const [one = {}, other = {}] = [bpf[scenario], ipvs[scenario]];
    for (const item of new Set([...Object.keys(one), ...Object.keys(other)])) {
      items++;
      const [a, b] = [one[item] ?? ABSENT, other[item] ?? ABSENT];
      if (!agree(a, b)) disagreements.push({ scenario, item, bpf: a, ipvs: b });
    }
  }
  return { items, disagreements };
}

/** Disagreements by the reason that is known first, those without any, and reasons that explain nothing. */
export function explain(
  disagreements: readonly Disagreement[],
  known: readonly Known[],
): {
  readonly explained: ReadonlyMap<Known, readonly Disagreement[]>;
  readonly unknown: readonly Disagreement[];
  readonly stale: readonly Known[];
} {
  const explained = new Map<Known, Disagreement[]>();
  const unknown: Disagreement[] = [];
  for (const one of disagreements) {
    const why = known.find(({ scenario, item }) => scenario.test(one.scenario) && item.test(one.item));
    if (why === undefined) unknown.push(one);
    else explained.set(why, [...(explained.get(why) ?? []), one]);
  }
  return { explained, unknown, stale: known.filter((one) => !explained.has(one)) };
}

const cut = (value: string | number): string => {
  const text = String(value);
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
};

/** For people: `scenario, item`, and what was seen on each. */
export const disagreementText = ({ scenario, item, bpf, ipvs }: Disagreement): string =>
  `${scenario}: ${item}\n    bpf    ${cut(bpf)}\n    ip_vs  ${cut(ipvs)}`;

/** For people: each reason with how often it was needed and where, and one example. */
export function tableText(explained: ReturnType<typeof explain>['explained']): string {
  return [...explained]
    .map(([{ reason }, all]) => {
      const names = [...new Set(all.map(({ scenario }) => scenario))];
      const where = names.length > 3 ? `${names.length} scenarios` : names.join('; ');
      return `  ${String(all.length).padStart(3)} × ${reason}\n        in ${where}; such as\n        ${disagreementText(all[0]!).replaceAll('\n', '\n    ')}`;
    })
    .join('\n');
}
