/** Which connections a listing wants, read from text and written as a query. */
import { formatEndpoint, parseAddress, parseEndpoint } from '../core/address/address.ts';
import { parseServiceKey, serviceKey } from '../core/model/service.ts';
import type { ConnectionFilter } from '../dataplane/port.ts';

/** A filter and how many connections at most; without a limit, all of them. */
export interface ConnectionQuery {
  readonly filter: ConnectionFilter;
  /** 1 or more. */
  readonly limit?: number;
}

/** The parts of a query as they come from outside. */
export type QueryTexts = Partial<Record<'service' | 'client' | 'server' | 'limit', string>>;

/** An address or an endpoint in canonical text, the form a filter holds. */
function parseSide(text: string): string | undefined {
  const endpoint = parseEndpoint(text);
  return endpoint === undefined ? parseAddress(text) : formatEndpoint(endpoint);
}

/** Reads a query; for one that makes no sense, a sentence that says what was expected. */
export function parseConnectionQuery(texts: QueryTexts): ConnectionQuery | { readonly mistake: string } {
  const filter: { -readonly [K in keyof ConnectionFilter]: ConnectionFilter[K] } = {};
  if (texts.service !== undefined) {
    const service = parseServiceKey(texts.service);
    if (service === undefined)
      return { mistake: `"${texts.service}" names no service; expected tcp/203.0.113.100:80 or the like` };
    filter.service = serviceKey(service);
  }
  for (const side of ['client', 'server'] as const) {
    const text = texts[side];
    if (text === undefined) continue;
    const value = parseSide(text);
    if (value === undefined)
      return {
        mistake: `${side} "${text}" is neither an address nor address:port; IPv6 with a port is written [2001:db8::1]:80`,
      };
    filter[side] = value;
  }
  if (texts.limit === undefined) return { filter };
  if (!/^[1-9]\d{0,8}$/.test(texts.limit))
    return { mistake: `limit "${texts.limit}" is not a whole number from 1 to 999999999` };
  return { filter, limit: Number(texts.limit) };
}

/** The query string of a listing, with its question mark; empty when it asks for everything. */
export function formatConnectionQuery({ filter, limit }: ConnectionQuery): string {
  const query = new URLSearchParams({ ...filter });
  if (limit !== undefined) query.set('limit', String(limit));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
