/**
 * The one loop that makes the director act: it reads events, one at a time. Events are only hints; looking again every few
 * seconds is what keeps what should be and what is together.
 */
import type { Director } from './director.ts';
import type { Migrator } from './migrate.ts';
import type { EventQueue } from './queue.ts';
import type { Supervisor } from './supervisor.ts';

/** What the loop moves. */
export interface LoopParts {
  readonly director: Director;
  readonly migrator: Pick<Migrator, 'migrate' | 'follow'>;
  readonly supervisor: Pick<Supervisor, 'reloading' | 'ready' | 'pulse'>;
}

/** Reads events until `stop` or `down` comes; resolves with the kind that ended it. */
export async function runLoop(
  queue: EventQueue,
  { director, migrator, supervisor }: LoopParts,
): Promise<'stop' | 'down'> {
  /** Tells the service manager of a reload: when it begins, and, whatever came of it, when it has ended. */
  const announced = async <T>(act: () => Promise<T>): Promise<T> => {
    supervisor.reloading();
    try {
      return await act();
    } finally {
      supervisor.ready(director.summary);
    }
  };
  for await (const event of queue) {
    switch (event.kind) {
      case 'look':
        await director.look(() => queue.pressing);
        break;
      case 'admin':
        await director.administer(event.request).then(event.answer.resolve, event.answer.reject);
        break;
      case 'rules':
        await director.overriding.changeRules(event.request).then(event.answer.resolve, event.answer.reject);
        break;
      case 'drop':
        await director.overriding.drop(event.of).then(event.answer.resolve, event.answer.reject);
        break;
      case 'write-overrides':
        await director.overriding.write(event.dry).then(event.answer.resolve, event.answer.reject);
        break;
      case 'verdicts':
        await director.followVerdicts();
        break;
      case 'deadlines':
        await director.endDrains();
        break;
      case 'migrate':
        await migrator.migrate(event.request).then(event.answer.resolve, event.answer.reject);
        supervisor.ready(director.summary);
        break;
      case 'migration':
        await migrator.follow();
        break;
      case 'pulse':
        supervisor.pulse();
        break;
      case 'reload':
        await announced(() => director.reload()).then(event.answer.resolve, event.answer.reject);
        break;
      case 'apply': {
        const { config, how, answer } = event;
        await announced(() => director.apply(config, how)).then(answer.resolve, answer.reject);
        break;
      }
      case 'diff':
        await director.difference(event.config).then(event.answer.resolve, event.answer.reject);
        break;
      case 'down':
        try {
          event.answer.resolve(await director.takeDown());
          return 'down';
        } catch (error) {
          event.answer.reject(error);
        }
        break;
      case 'stop':
        return 'stop';
    }
  }
  return 'stop';
}
