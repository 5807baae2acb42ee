/** Connections of ip_vs: /proc/net/ip_vs_conn, read as it comes, a line a connection (ip_vs_conn_seq_show in ip_vs_conn.c). */
import { open } from 'node:fs/promises';
import {
  type Address,
  addressFromBytes,
  type Endpoint,
  formatEndpoint,
  parseAddress,
} from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import { PROTOCOLS, type Protocol, parseServiceKey, type ServiceKey } from '../../core/model/service.ts';
import { LISTED_STATES, type ListedState } from '../../core/model/state.ts';
import type { ConnectionFilter } from '../port.ts';

/** Where the kernel shows its connections. */
export const IP_VS_CONN = '/proc/net/ip_vs_conn';

/** Bytes that are asked for at a time; the kernel gives a page or so. */
const READ_BYTES = 65_536;

/** IPv4: eight hexadecimal digits; IPv6: eight groups of four, all of them written. */
function readAddress(text: string): Address | undefined {
  if (/^[0-9A-F]{8}$/.test(text)) return addressFromBytes(Buffer.from(text, 'hex'));
  return text.includes(':') ? parseAddress(text) : undefined;
}

function readEnd(address: string | undefined, port: string | undefined): Endpoint | undefined {
  const read = readAddress(address ?? '');
  return read === undefined || !/^[0-9A-F]{4}$/.test(port ?? '')
    ? undefined
    : { address: read, port: Number.parseInt(port!, 16) };
}

const isState = (text: string): text is ListedState => (LISTED_STATES as readonly string[]).includes(text);
const isProtocol = (text: string): text is Protocol => (PROTOCOLS as readonly string[]).includes(text);

/** Reads a line; undefined for the title, and for templates of firewall marks, which have the mark for an address. */
export function readConnection(line: string): Connection | undefined {
  const [word = '', from, fport, to, tport, dest, dport, state = '', expires = ''] = line.trim().split(/ +/);
  const protocol = word.toLowerCase();
  const [client, virtual, server] = [readEnd(from, fport), readEnd(to, tport), readEnd(dest, dport)];
  if (client === undefined || virtual === undefined || server === undefined) return undefined;
  if (!isProtocol(protocol) || !/^\d+$/.test(expires)) return undefined;
  // A template has no client's port, and states of its own: NONE, and ASSURED once a connection was answered.
  const isTemplate = client.port === 0 && (state === 'NONE' || state === 'ASSURED');
  const listed = isTemplate ? 'TEMPLATE' : state;
  if (!isState(listed)) return undefined;
  return {
    protocol,
    state: listed,
    client,
    virtual,
    server,
    // ip_vs leaves the client's port as it is.
    client_port_at_server: client.port,
    expires_ms: Number(expires) * 1000,
  };
}

const isAt = (text: string | undefined, end: Endpoint): boolean =>
  text === undefined || text === end.address || text === formatEndpoint(end);

/**
 * What a filter lets pass. `others` are the services that there are: those of a port go before one of every port, and both
 * before one of a mark, whose connections are those to `marked`, its servers, that no other has.
 */
export function passing(
  { service, client, server }: ConnectionFilter,
  others: ReadonlySet<ServiceKey>,
  marked: readonly Endpoint[] = [],
): (one: Connection) => boolean {
  const name = service === undefined ? undefined : parseServiceKey(service);
  if (service !== undefined && name === undefined) return () => false;
  const isOfService = ({ protocol, virtual, server: to }: Connection): boolean => {
    if (name === undefined) return true;
    const at = (port: number) => `${protocol} ${formatEndpoint({ ...virtual, port })}` as ServiceKey;
    if (name.protocol === 'fwmark')
      return (
        !others.has(at(virtual.port)) &&
        !others.has(at(0)) &&
        marked.some((one) => one.address === to.address && (one.port === 0 || one.port === to.port))
      );
    if (protocol !== name.protocol || virtual.address !== name.address) return false;
    if (name.port !== 0) return virtual.port === name.port;
    return virtual.port === 0 || !others.has(at(virtual.port));
  };
  return (one) => isOfService(one) && isAt(client, one.client) && isAt(server, one.server);
}

/**
 * The connections that pass, in the order of the kernel's table, a chunk for each of what it gives. It may leave one out, or
 * give one twice, where others come and go meanwhile.
 */
export async function* listConnections(
  pass: (one: Connection) => boolean,
  path: string = IP_VS_CONN,
): AsyncGenerator<readonly Connection[]> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    let rest = '';
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = bytesRead === 0 ? '' : lines.pop()!;
      const found = lines
        .map(readConnection)
        .filter((one): one is Connection => one !== undefined && pass(one));
      if (found.length > 0) yield found;
      if (bytesRead === 0) return;
    }
  } finally {
    await file.close();
  }
}
