/** The lab's layout drawn in characters, with its addresses. Pure. */
import type { Lab } from '../lab.ts';

/** Draws two clients, the director and three real servers, 78 characters wide. */
export function drawLayout(lab: Pick<Lab, 'clients' | 'director' | 'servers'>, vip: string): string {
  const [client1, client2] = lab.clients;
  const [server1, server2, server3] = lab.servers;
  const [outside, inside] = lab.director.interfaces;
  const left = (text = ''): string => text.padEnd(13);
  const box = (from: string, to: string): string => `${from}${' '.repeat(30 - from.length - to.length)}${to}`;
  return [
    `${left(client1?.name)}                                                     ${server1?.name}`,
    `${left(client1?.ipv4)}──┐    ┌────────── director ──────────┐    ┌── ${server1?.ipv4}`,
    `${left()}  │    │${box('', '')}│    │`,
    `${left()}  ├────┤${box(' eth0', 'eth1 ')}├────┼── ${server2?.ipv4}`,
    `${left()}  │    │${box(` ${outside?.ipv4}`, `${inside?.ipv4} `)}│    │   ${server2?.name}`,
    `${left(client2?.ipv4)}──┘    │${box(` VIP ${vip}`, '')}│    │`,
    `${left(client2?.name)}       └──────────────────────────────┘    └── ${server3?.ipv4}`,
    `${left()}                                                     ${server3?.name}`,
    'public network 203.0.113.0/24              private network 192.168.1.0/24',
  ].join('\n');
}
