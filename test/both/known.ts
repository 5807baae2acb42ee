/** Why the planes disagree where they do. A reason that no disagreement needs any more fails the test, as an unknown disagreement does. */
import type { Known } from './compare.ts';

export const KNOWN: readonly Known[] = [
  {
    reason: 'after a change rr goes on in the same circle, and not from the same server (decision 5)',
    scenario: /^scheduler rr$/,
    item: /^(1[2-7]|2[0-7]) |^(18|28) look, (connections|192\.)|^end, counted of 192\./,
  },
  {
    reason:
      'wrr goes in the same circle, and begins where adding the servers one by one has left ip_vs (decision 5)',
    scenario: /^scheduler wrr$/,
    item: /^[ \d]\d (open|segment|look, connections|look, 192\.)|^end, counted of 192\./,
  },
  {
    reason:
      'ip_vs takes a server that is added later in front of those that it has; ties and hash tables go by the order',
    scenario: /^a server that is added behind the others$/,
    item: /./,
  },
  {
    reason:
      'sh and mh count a server of weight 0 in: on ip_vs one that is removed has to go at once, and its connections with it',
    scenario: /^scheduler [sm]h/,
    item: /^2[5-8] |^end, counted/,
  },
  {
    reason:
      'a TCP client that no server is there for gets a reset from Weir, and port unreachable from ip_vs (decision 5)',
    scenario: /^scheduler ovf$|^all servers overloaded$|^no server at all$|^a service that is removed/,
    item: /, back$/,
  },
  {
    reason:
      'a template that still controls connections gets a minute more: Weir lists it at once, ip_vs when its own time is over',
    scenario: /^persistence over UDP/,
    item: /time of .* TEMPLATE$/,
  },
  {
    reason: 'a template that leads to a server of weight 0 is counted by ip_vs until its timer has run',
    scenario: /^quiescent templates expire$/,
    item: /look, 192\.168\.1\.101/,
  },
  {
    reason:
      'a connection that was ended is listed in CLOSE for ten seconds by Weir, and gone from ip_vs, its server too',
    scenario: /^connections of a server that goes down are ended$/,
    item: /look/,
  },
  {
    reason:
      'one_packet: answers leave from the VIP, and are counted; by ip_vs they leave with the server’s address (decision 5)',
    scenario: /^one packet$/,
    item: /reply$|^end, counted/,
  },
  {
    reason: 'Linux 6.1 drops ICMPv6 errors of servers whose checksum no device has looked at',
    scenario: /^ICMP errors over IPv6$/,
    item: /error$|^end, counted/,
  },
  {
    reason:
      'each fragment is counted by Weir, which does not put them together, and the whole by ip_vs (decision 15)',
    scenario: /^fragments/,
    item: /^end, counted/,
  },
  {
    reason:
      'on its last hop a packet of a server is answered from the VIP by Weir (decision 5), from the director’s own address by the stack',
    scenario: /^the last hop$/,
    item: /reply, back$/,
  },
  {
    reason: 'ip_vs counts a packet before it sees that this was its last hop',
    scenario: /^the last hop$/,
    item: /^end, counted/,
  },
];
