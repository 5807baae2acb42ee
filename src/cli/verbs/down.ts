/** `weir down`: the end of it all. */
import { type ControlClient, DaemonUnreachable } from '../../api/client.ts';
import { EXIT } from '../exit.ts';
import { output, planText, type Session, say } from '../session.ts';
import type { Verb } from '../verb.ts';

/** How long to wait for the daemon's end, in milliseconds, and between two looks. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 50;

/** True when the error says that no daemon lives behind the socket. */
const nobodyThere = (error: unknown) =>
  error instanceof DaemonUnreachable && (error.reason === 'missing' || error.reason === 'refused');

/** Waits until nobody answers on the socket any more; false when that takes too long. */
async function daemonGone(client: ControlClient): Promise<boolean> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    const alive = await client.status().then(
      () => true,
      (error: unknown) => !nobodyThere(error),
    );
    if (!alive) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}

/** Lets the daemon take everything down, or does it here when there is none; anything but its absence is an error. */
async function takeDown({
  client,
  options,
}: Session): Promise<{ lines: readonly string[]; daemon: boolean }> {
  try {
    return { lines: await client.down(), daemon: true };
  } catch (error) {
    if (!nobodyThere(error)) throw error;
    const { down: downHere } = await import('../../daemon/down.ts');
    return { lines: await downHere({ stateDir: options.stateDir, pinDir: options.pinDir }), daemon: false };
  }
}

export const down: Verb = {
  name: 'down',
  group: 'Daemon:',
  summary: 'end the balancing and put the host back',
  description:
    'Removes the data plane, ends the daemon if one runs, and puts back what Weir changed on this host: addresses, ' +
    'kernel parameters, masquerading. Connections through the director break. Works without a daemon too.',
  examples: [['weir down', 'after weir run ended, or while it runs']],
  async run(session) {
    const { lines, daemon } = await takeDown(session);
    await output(session, { lines }, () => planText(session, lines));
    if (!daemon || (await daemonGone(session.client))) return EXIT.done;
    await say(session, 'weir: everything is down, but the daemon still answers; its log may say why');
    return EXIT.failed;
  },
};
