/** Names for tests: those of /etc/services that everybody knows, and one host. */
import { type Address, parseAddress } from '../core/address/address.ts';
import { type Names, parseServiceNames } from './names.ts';

const SERVICES = parseServiceNames('http 80/tcp www # the web\nshell 514/tcp cmd syslog\nsyslog 514/udp\n');

export const HOST = parseAddress('9.9.9.7')! satisfies Address;

/** Knows `short.example`, and no other host. */
export const NAMES: Names = {
  addressOf: (host) => (host === 'short.example' ? HOST : undefined),
  portOf: (name, protocol) => SERVICES.ports.get(`${name}/${protocol}`),
};
