/** Everybody and everything that the demo's parts work with. */
import type { LabClient } from '../client-api.ts';
import type { Lab } from '../lab.ts';
import type { LabProcess } from '../process.ts';
import type { LabWeir } from '../weir.ts';
import type { Stage } from './stage.ts';

/** The address that all clients use; the lab's samples have it. */
export const vip = '203.0.113.100';
/** The demo's labs have a name of their own, so that one that was kept is found again. */
export const demoPrefix = 'weirdemo';

/** Handed from part to part. */
export interface Cast {
  readonly stage: Stage;
  readonly lab: Lab;
  readonly weir: LabWeir;
  readonly client1: LabClient;
  readonly client2: LabClient;
  /** The real servers, in the order of `lab.servers`; the one that died is another process after it. */
  readonly servers: LabProcess[];
  /** `weir run`; another process after it has been killed. */
  daemon: LabProcess;
}

/** Weir's verb as a command on the director: its output with colours where the demo has them. */
export async function runVerb({ stage, weir }: Cast, ...words: string[]): Promise<string> {
  return weir.run([...words, '--color', stage.style.isColorSupported ? 'always' : 'never']);
}
