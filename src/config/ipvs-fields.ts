/** Keys for what ip_vs alone can do: marks, tunnels, persistence engines, sync daemons. */
import { z } from 'zod';
import { type Address, parseAddress, rangeOf } from '../core/address/address.ts';
import { MAX_FWMARK } from '../core/model/fwmark.ts';
import { PERSISTENCE_ENGINES } from '../core/model/persistence.ts';
import {
  DEFAULT_SYNC_GROUP,
  DEFAULT_SYNC_PORT,
  DEFAULT_SYNC_TTL,
  MAX_SYNC_LENGTH,
} from '../core/model/sync-daemon.ts';
import { TUNNEL_CHECKSUMS, TUNNEL_TYPES } from '../core/model/tunnel.ts';
import { interfaceField, numberField, type Read, textField, wordField } from './fields.ts';

/** How the families of a service without an address are written. */
export const FAMILIES = ['ipv4', 'ipv6'] as const;

/** What stands in place of protocol, address and port. */
export const markFields = {
  fwmark: numberField('a firewall mark', 1, MAX_FWMARK)
    .optional()
    .describe(
      "In place of `protocol`, `address` and `port`: the mark that netfilter has set on the packets of this service, as ipvsadm's -f. Needs `dataplane: ipvs`.",
    ),
  family: wordField('a family', FAMILIES)
    .optional()
    .describe('Of a service with `fwmark`: whose packets and servers. Default: ipv4.'),
};

/** What tells clients apart. */
export const engineField = wordField('a persistence engine', PERSISTENCE_ENGINES)
  .optional()
  .describe(
    "What a client is told by besides its address: sip, the Call-ID of SIP over UDP, as ipvsadm's --pe. Needs `dataplane: ipvs`. Default: nothing.",
  );

/** How packets are put into a tunnel. */
export const tunnelField = z
  .strictObject({
    type: wordField('a type of tunnel', TUNNEL_TYPES)
      .default('ipip')
      .describe(
        'What carries the packets: ipip, IP in IP; gue, Generic UDP Encapsulation; gre, Generic Routing Encapsulation.',
      ),
    port: numberField('a port', 1, 65_535)
      .optional()
      .describe('Of gue, and required there: the UDP port at which the servers take packets out of it.'),
    checksum: wordField('a kind of checksum', TUNNEL_CHECKSUMS)
      .default('none')
      .describe(
        'Of gue and gre: none; full, what carries the packets has a checksum; remote, only of gue, so that the server can work out the one of the packet within.',
      ),
  })
  .optional();

const groupField = textField(
  { noun: 'a multicast address', expected: 'an address such as 224.0.0.81 or ff02::8d' },
  (text): Read<Address> => {
    const value = parseAddress(text);
    return value !== undefined && rangeOf(value) === 'multicast' ? { value } : {};
  },
);

const daemon = z.strictObject({
  interface: interfaceField
    .optional()
    .describe('By which it speaks to the other directors. Default: the first private one.'),
  sync_id: numberField('a sync id', 0, 255)
    .default(0)
    .describe('What the messages of these directors are told by; a backup with 0 hears all masters.'),
  group: groupField.default(DEFAULT_SYNC_GROUP).describe('The multicast group, IPv4 or IPv6.'),
  port: numberField('a port', 1, 65_535).default(DEFAULT_SYNC_PORT).describe('The UDP port.'),
  ttl: numberField('a TTL', 1, 255)
    .default(DEFAULT_SYNC_TTL)
    .describe('How many hops a message may make: 1 stays in the network of the interface.'),
  max_length: numberField('a length', 1, MAX_SYNC_LENGTH)
    .optional()
    .describe('The longest message in bytes. Default: what the MTU of the interface allows.'),
});

/** The sync daemons that are to run. */
export const syncDaemonsField = z
  .strictObject({
    master: daemon
      .optional()
      .describe('The one that tells others of the connections here. Default: none runs.'),
    backup: daemon
      .optional()
      .describe('The one that takes up connections that others tell of. Default: none runs.'),
  })
  .optional()
  .describe(
    "The kernel's threads by which directors with ip_vs tell each other of connections, as ipvsadm's --start-daemon. Needs `dataplane: ipvs`. Default: none.",
  );
