/** The part of the contract of data planes that LVS defines, against the plane that drives the kernel's ip_vs, in a guest. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import type { ContractOutcome } from './contract-job.ts';

/** Where ip_vs does otherwise, by the case's name; decisions 5 and 24 tell what of it is meant to be so. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'a segment that is neither known nor a SYN is left to the stack':
    'a SYN begins a connection whatever other flags it has, but for RST',
  'a datagram without a checksum stays without': 'ip_vs gives it one',
  'an error from a server reaches the client over IPv6, from the VIP':
    'Linux 6.1 drops ICMPv6 errors whose checksum no device has looked at',
  'an error from a client reaches its server over IPv6': 'the checksum is left to the device',
  'errors over IPv6 are counted as packets of the connection that they are about':
    'Linux 6.1 drops ICMPv6 errors whose checksum no device has looked at',
  'a client that acknowledges what nobody has sent stays half-open':
    'the client’s own acknowledgement establishes a connection',
  'two services of one server: a client port that is taken is changed towards the server':
    'ip_vs keeps the client’s port',
  'what has been published and attached is observed, until it is removed': 'ip_vs is attached to nothing',
  'the schedulers choose as they are meant to': 'wrr begins where adding the servers has left it',
  'a client is scheduled anew when its server has left the service':
    'its connections end with the server, whose templates would go on',
  'a server of weight 0 loses its clients where quiescent templates expire':
    'the old template is counted until its timer has run',
  'a packet with source port 0 is a connection, not a template': 'port 0 stands for any port',
  'without room for a template a connection is refused': 'the table of ip_vs has no end',
  'in a full table a template goes whose client nobody has answered, and no other':
    'the table of ip_vs has no end',
  'no client is remembered for the sorry server': 'it is a server like any other',
  'a server that becomes the sorry server, and back, keeps its connections and its number':
    'it is a server like any other',
  'no scheduler chooses an overloaded server': 'Debian’s user-mode-linux has no twos',
  'a threshold that is raised or taken away lets a server in at once, one that is set waits for a connection':
    'whether it is overloaded can only be told from its connections',
};

const guest = findGuest();

describe.skipIf(guest === undefined)('the contract, kept by ip_vs', () => {
  let outcome: Readonly<Record<string, ContractOutcome>>;
  beforeAll(async () => {
    const job = fileURLToPath(new URL('contract-job.ts', import.meta.url));
    outcome = (await runProgramInGuest(guest!, job, null, 240)) as typeof outcome;
  }, 300_000);

  const of = (kind: ContractOutcome['kind']) =>
    Object.entries(outcome).flatMap(([name, one]) => (one.kind === kind ? [[name, one] as const] : []));

  it('in every case but those in which ip_vs is known to do otherwise', () => {
    const unknown = of('failed').filter(([name]) => DIFFERENCES[name] === undefined);
    expect(unknown.map(([name, one]) => `${name}: ${'why' in one ? one.why : ''}`).join('\n')).toBe('');
    expect(of('passed').length).toBeGreaterThanOrEqual(36);
  });

  it('where it differs and what cannot be tried being said', () => {
    const impossible = new Map<string, number>();
    for (const [, one] of of('impossible'))
      if ('why' in one) impossible.set(one.why, (impossible.get(one.why) ?? 0) + 1);
    const [passed, failed] = [of('passed').length, of('failed')];
    const skipped = [...impossible].map(([why, count]) => `  ${count} × ${why}`).join('\n');
    const differing = failed.map(([name]) => `  ${name}: ${DIFFERENCES[name]}`).join('\n');
    console.log(
      `ip_vs keeps ${passed} of ${Object.keys(outcome).length} cases; ${failed.length} differ:\n${differing}\n` +
        `and these end where a test cannot go on:\n${skipped}`,
    );
    // A reason that is no longer needed would excuse the next mistake.
    const differ = new Set(failed.map(([name]) => name));
    expect(Object.keys(DIFFERENCES).filter((name) => !differ.has(name))).toEqual([]);
  });
});
