/** Names of hosts and ports, as whoever reads or writes a command line sees them. */
import type { Address } from '../core/address/address.ts';
import type { IpvsProtocol } from '../dataplane/ipvs/codec/values.ts';

/** What names stand for. */
export interface Names {
  /** The address of a host; undefined where there is none. Throws `HostNotLookedUp` where nobody has asked yet. */
  addressOf(host: string): Address | undefined;
  /** The port of a service's name, such as 80 of `http` with tcp. */
  portOf(name: string, protocol: IpvsProtocol): number | undefined;
}

/** What is shown for numbers; undefined where there is no name. */
export interface Labels {
  hostOf(address: Address): string | undefined;
  nameOf(port: number, protocol: IpvsProtocol): string | undefined;
}

/** Numbers stay numbers. */
export const NUMERIC: Labels = { hostOf: () => undefined, nameOf: () => undefined };

/** Asks for a host to be looked up before the line is parsed again: asking takes time, parsing does not. */
export class HostNotLookedUp extends Error {
  override readonly name = 'HostNotLookedUp';
  readonly host: string;

  constructor(host: string) {
    super(`${host} has not been looked up`);
    this.host = host;
  }
}

/** Names of ports by protocol, both ways. */
export interface ServiceNames {
  readonly ports: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<string, string>;
}

/** Reads services(5): the first line that says something counts. */
export function parseServiceNames(text: string): ServiceNames {
  const ports = new Map<string, number>();
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [name, where, ...aliases] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean);
    const [, port, protocol] = /^(\d+)\/(\w+)$/.exec(where ?? '') ?? [];
    if (name === undefined || port === undefined || protocol === undefined) continue;
    if (!names.has(`${port}/${protocol}`)) names.set(`${port}/${protocol}`, name);
    for (const one of [name, ...aliases])
      if (!ports.has(`${one}/${protocol}`)) ports.set(`${one}/${protocol}`, Number(port));
  }
  return { ports, names };
}
