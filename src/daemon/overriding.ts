/** What operators do with overrides of the configuration: make them, forget them, write them into the file. The loop alone calls it. */
import {
  type OverrideName,
  type Refused,
  type ReloadDone,
  type RulesDone,
  type RulesRequest,
  VersionConflict,
  type WrittenOverrides,
} from '../api/control.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { listOverrides } from '../core/model/override.ts';
import { listRules, rulesOf } from '../core/model/rule-override.ts';
import type { Log } from '../observe/log.ts';
import type { Health } from './health.ts';
import type { InForce } from './in-force.ts';
import { type ReadConfig, writeConfig } from './read-config.ts';
import type { Over, Rules } from './rules.ts';
import { answerOf, meant, writtenText } from './write-overrides.ts';

/** What it stands on. */
export interface OverridingParts {
  readonly rules: Rules;
  readonly health: Pick<Health, 'overrides' | 'override'>;
  readonly inForce: InForce;
  /** The plane that directs: by a migration another one than at the start. */
  readonly running: () => PlaneKind;
  readonly log: Log;
  /** Carries out what a file and overrides come to; rejects when it cannot, and then the looks to come try again. */
  enforce(read: ReadConfig, over: Over): Promise<ReloadDone>;
  /** The data plane that was chosen over the file. */
  readonly chosen: () => PlaneKind | undefined;
  /** Why all is not as configured; undefined if it is. */
  complaint(): string | undefined;
}

/** Each of them rejects with an Error for people. */
export class Overriding {
  readonly #parts: OverridingParts;

  constructor(parts: OverridingParts) {
    this.#parts = parts;
  }

  /** Does commands of ipvsadm; rejects, with all as it was, when they cannot be carried out. */
  async changeRules(request: RulesRequest): Promise<RulesDone> {
    const { rules, inForce, running, log } = this.#parts;
    const { over, refused } = rules.after(inForce.read, running(), request);
    const done = over === undefined ? { ok: true as const, steps: 0, lines: [] } : await this.#put(over);
    const { changes, by } = request;
    log.info('rules_changed', {
      changes: changes.length,
      refused: refused.length,
      steps: done.steps,
      ...(by !== undefined && { by }),
    });
    return { ...done, refused };
  }

  /** Forgets overrides; what there is none of is passed over. */
  async drop(of: readonly OverrideName[] | 'all'): Promise<ReloadDone> {
    const { rules, health, inForce, running, log } = this.#parts;
    const isMeant = meant(of);
    for (const { service, server } of listOverrides(health.overrides))
      if (isMeant({ kind: 'state', service, server })) health.override({ of: server, service, state: 'up' });
    const left = rulesOf(listRules(rules.overrides).filter((one) => !isMeant(one)));
    const done = await this.#put(rules.over(inForce.read, running(), left));
    log.info('overrides_dropped', { steps: done.steps });
    return done;
  }

  /** Writes what ipvsadm has changed into the file, where that says what is in force without it. */
  async write(dry: boolean): Promise<WrittenOverrides | Refused> {
    const { rules, health, inForce, running, log } = this.#parts;
    const { read, fileVersion, file, config } = inForce;
    const states = listOverrides(health.overrides);
    const chosen = this.#parts.chosen();
    const written = writtenText({ read, rules: rules.overrides, config, states, running: running(), chosen });
    if (!written.ok || dry || written.count === 0) return answerOf(written);
    if (read.version !== fileVersion)
      throw new VersionConflict(
        `${file} does not say what is in force: it was applied, or the file has been edited; reload it first`,
      );
    await writeConfig(file, written.read.text, fileVersion);
    const { read: after, count } = written;
    inForce.fileHas(after);
    const over = rules.over(after, running());
    rules.settle(over);
    log.info('overrides_written', { config_file: file, config_version: after.version, written: count });
    await this.#parts.enforce(after, over);
    return answerOf(written);
  }

  /** Carries out what overrides make; rejects, with all as it was, when that fails for another reason than all did before. */
  async #put(over: Over): Promise<ReloadDone> {
    const { rules, inForce, running, log, enforce, complaint } = this.#parts;
    const { read } = inForce;
    const [before, already] = [rules.overrides, complaint()];
    rules.keep(over);
    try {
      return await enforce(read, over);
    } catch (error) {
      const { message } = error as Error;
      if (message === already) return { ok: true, steps: 0, lines: [message] };
      log.error('rules_failed', { error });
      const back = rules.over(read, running(), before);
      rules.settle(back);
      // What this cannot do either the looks to come say, and try again.
      await enforce(read, back).catch(() => {});
      throw error;
    }
  }
}
