/** What ipvsadm has changed: kept in a file, laid over the configuration, and forgotten once that says it, too. */
import type { RefusedRule, RulesRequest } from '../api/control.ts';
import { layWhatFits, overlayOf } from '../config/overlay.ts';
import type { Config } from '../core/model/config.ts';
import { takeWhatFits } from '../core/model/fitting.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { afterChanges } from '../core/model/rule-change.ts';
import {
  listRules,
  MAX_RULE_OVERRIDES,
  type RuleOverride,
  type RuleOverrides,
  rebase,
  ruleSubject,
  ruleText,
} from '../core/model/rule-override.ts';
import type { Log } from '../observe/log.ts';
import type { Kept } from './overrides-file.ts';
import type { ReadConfig } from './read-config.ts';

/** What it stands on. */
export interface RulesParts {
  readonly file: Kept<RuleOverrides>;
  readonly log: Log;
}

/** An override that counts no longer, and why: for people. */
export interface Past {
  readonly override: RuleOverride;
  readonly why: string;
}

/** What is in force by a file and the overrides over it. */
export interface Over {
  readonly config: Config;
  readonly overrides: RuleOverrides;
  readonly past: readonly Past[];
}

type Lay = ReturnType<typeof overlayOf>;

const WHY = {
  configured: 'the file says the same',
  gone: 'what it changed is no longer in the file',
} as const;

/** The overrides of services and servers. */
export class Rules {
  readonly #parts: RulesParts;
  #overrides: RuleOverrides;
  /** What lays overrides over the file that was asked about last: it knows what each service of it comes to. */
  #ground: { readonly read: ReadConfig; readonly running: PlaneKind; readonly lay: Lay } | undefined;

  /** Throws an Error when they cannot be read. */
  constructor(parts: RulesParts) {
    this.#parts = parts;
    this.#overrides = parts.file.load();
  }

  get overrides(): RuleOverrides {
    return this.#overrides;
  }

  /** What would be in force by this file and `overrides`, by default those in effect; nothing changes. */
  over(read: ReadConfig, running: PlaneKind, overrides: RuleOverrides = this.#overrides): Over {
    const { config } = read;
    if (overrides.size === 0) return { config, overrides, past: [] };
    const based = rebase(config.services, overrides);
    const fit = layWhatFits(this.#layOver(read, running), based.overrides);
    // Servers of a service that did not fit are about nothing any more.
    const again =
      fit.left.length === 0
        ? { overrides: fit.overrides, lapsed: [] }
        : rebase(config.services, fit.overrides);
    const past = [
      ...[...based.lapsed, ...again.lapsed].map(({ override, why }) => ({ override, why: WHY[why] })),
      ...fit.left.map(({ item, why }) => ({ override: item, why })),
    ];
    return { config: fit.config, overrides: again.overrides, past };
  }

  /** What commands make of the overrides, absent where they change nothing, and which are refused; nothing changes yet. */
  after(
    read: ReadConfig,
    running: PlaneKind,
    { changes, together, by }: RulesRequest,
  ): { readonly over?: Over; readonly refused: readonly RefusedRule[] } {
    const said = { since: new Date().toISOString(), ...(by !== undefined && { by }) };
    const before = this.#overrides;
    const lay = this.#layOver(read, running);
    // What was tried last and could be in force is what is taken.
    let [after, config] = [before, undefined as Config | undefined];
    let refused: RefusedRule[] = [];
    const attempt = (places: readonly number[]): string | undefined => {
      const list = places.map((i) => changes[i]!);
      const done = afterChanges(read.config.services, before, list, said);
      if (listRules(done.overrides).length > MAX_RULE_OVERRIDES) return TOO_MANY;
      const laid = done.overrides === before ? undefined : lay(done.overrides);
      if (laid?.ok === false) return laid.why;
      [after, config] = [done.overrides, laid?.config];
      refused = [...done.refused].map(([i, code]) => ({ at: places[i]!, code }));
      return undefined;
    };
    const { left } = takeWhatFits([...changes.keys()], attempt);
    refused = [...refused, ...left.map(({ item, why }) => ({ at: item, text: why }))];
    refused.sort((a, b) => a.at - b.at);
    const isNothing = config === undefined || (together === true && refused.length > 0);
    return isNothing ? { refused } : { over: { config: config!, overrides: after, past: [] }, refused };
  }

  /** These count from now on. Throws an Error when they cannot be kept; then nothing is changed. */
  keep({ overrides, past }: Pick<Over, 'overrides' | 'past'>): void {
    if (overrides !== this.#overrides) this.#parts.file.save(overrides);
    this.#overrides = overrides;
    for (const one of past) this.#tell(one);
  }

  /** As `keep`, where what counts no longer has to go at any rate: it would be found out again by the next start. */
  settle(over: Over): void {
    try {
      this.keep(over);
    } catch (error) {
      this.#parts.log.warn('overrides_not_kept', { error });
      this.#overrides = over.overrides;
    }
  }

  #layOver(read: ReadConfig, running: PlaneKind): Lay {
    if (this.#ground?.read !== read || this.#ground.running !== running) {
      const { text, config } = read;
      this.#ground = { read, running, lay: overlayOf({ text, config, running }) };
    }
    return this.#ground.lay;
  }

  #tell({ override, why }: Past): void {
    const { service, change } = override;
    const server = override.kind === 'server' ? { server: override.server } : {};
    const fields = { service, ...server, change, rule: override.rule, why };
    if (why === WHY.configured) this.#parts.log.info('override_configured', fields);
    else this.#parts.log.warn('override_dropped', fields);
  }
}

const TOO_MANY = `more than ${MAX_RULE_OVERRIDES} overrides; weir overrides write puts them into the configuration file`;

/** A line for people. */
export const pastText = ({ override, why }: Past): string =>
  `override of ${ruleSubject(override)} (${ruleText(override)}) goes: ${why}`;
