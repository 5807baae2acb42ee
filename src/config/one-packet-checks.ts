/** What a service that keeps no connections must be like, so that its servers' answers can be told by where they come from. */
import { formatEndpoint } from '../core/address/address.ts';
import type { DraftEndpoint, DraftService } from './draft.ts';
import type { Finding, Path } from './problems.ts';

/** To be asked about one service after the other. */
export function checkOnePackets(): (service: DraftService) => readonly Finding[] {
  const servers = new Map<string, Path>();
  return (service) => {
    if (!service.isOnePacket) return [];
    const own: readonly DraftEndpoint[] = service.sorryServer
      ? [...service.servers, service.sorryServer]
      : service.servers;
    return [...checkKind(service), ...own.flatMap((server) => checkServer(servers, service, server))];
  };
}

function checkKind({ path, protocol, ports, prefixLength, port }: DraftService): readonly Finding[] {
  const at = [...path, 'one_packet'];
  if (protocol === 'tcp' || protocol === 'sctp') {
    const message = `is for UDP, but the service is ${protocol.toUpperCase()}`;
    return [{ path: at, message, expected: 'no such key, or false' }];
  }
  // By ip_vs alone, which does not look at answers.
  if (protocol === 'fwmark') return [];
  const what =
    prefixLength !== undefined
      ? 'a prefix of addresses'
      : ports !== undefined
        ? 'several ports'
        : port === 0
          ? 'every port'
          : undefined;
  if (what === undefined) return [];
  const message = `the service is of ${what}: without connections nobody could say which an answer has to come from`;
  return [{ path: at, message, expected: 'one address and one port, or no such key' }];
}

function checkServer(
  servers: Map<string, Path>,
  service: DraftService,
  { address, port, path }: DraftEndpoint,
): readonly Finding[] {
  if (address === undefined || port === undefined || port === 0) return [];
  const text = formatEndpoint({ address: address.value, port });
  const earlier = servers.get(text);
  if (earlier === undefined) {
    servers.set(text, path);
    return [];
  }
  // Twice in one service is said elsewhere.
  if (service.path.every((step, i) => earlier[i] === step)) return [];
  return [
    {
      path,
      message: `${text} is a server of another service with one_packet: its answers could be of either`,
      expected: 'another port of the server for one of them',
      earlier,
    },
  ];
}
