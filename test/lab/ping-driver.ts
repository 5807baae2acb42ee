/**
 * Pings each target once, all at a time, as the checks' thread does, and prints the results as JSON. Usage: ping-driver.ts
 * CHECKS, a JSON list of what each check has beside the common parts. The tests start it in a namespace, with or without CAP_NET_RAW.
 */
import { checkPing } from '../../src/checks/ping.ts';
import type { PingCheck } from '../../src/core/model/check.ts';
import { Pinger } from '../../src/kernel/pinger.ts';

/** What a test says of a check. */
export type PingWanted = Pick<PingCheck, 'address' | 'size' | 'timeout' | 'source'>;

async function main(wanted: readonly PingWanted[]): Promise<void> {
  const pinger = new Pinger();
  const results = wanted.map((one) => {
    const check: PingCheck = { type: 'ping', port: 0, interval: 60_000, rise: 1, fall: 1, ...one };
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error('no answer')), one.timeout);
    return checkPing(check, controller.signal, pinger).finally(() => clearTimeout(timer));
  });
  console.log(JSON.stringify(await Promise.all(results)));
}

await main(JSON.parse(process.argv[2]!) as readonly PingWanted[]);
