/** What a service of a file goes by: its own words, or a mark with what stands for the others. */
import { type Prefix, widthOf } from '../core/address/address.ts';
import { unspecified } from '../core/model/fwmark.ts';
import type { Protocol, ServiceProtocol } from '../core/model/service.ts';

/** As it is written; absent keys are undefined. */
interface Written {
  readonly protocol?: Protocol | undefined;
  readonly address?: Prefix | undefined;
  readonly port?: number | undefined;
  readonly fwmark?: number | undefined;
  readonly family?: 'ipv4' | 'ipv6' | undefined;
}

/** What it comes to; what is neither written nor implied is undefined. */
export function nameIn({ protocol, address, port, fwmark, family }: Written): {
  readonly protocol: ServiceProtocol | undefined;
  readonly prefix: Prefix | undefined;
  readonly port: number | undefined;
} {
  if (fwmark === undefined) return { protocol, prefix: address, port };
  const number = family === 'ipv6' ? 6 : 4;
  return {
    protocol: 'fwmark',
    prefix: { address: unspecified(number), length: widthOf(number) },
    port: 0,
  };
}
