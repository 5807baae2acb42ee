import { expect, it } from 'vitest';
import { parseAddress, parseEndpoint } from '../core/address/address.ts';
import type { Connection } from '../core/model/connection.ts';
import type { VirtualService } from '../core/model/service.ts';
import { type ConnectionState, DEFAULT_TIMEOUTS } from '../core/model/state.ts';
import { bareAck } from '../core/packet/prompt.ts';
import type { ConnectionFilter } from '../dataplane/port.ts';
import type { Log } from '../observe/log.ts';
import { newlyGone, Prompts } from './prompts.ts';

const at = (text: string) => parseEndpoint(text)!;
const service = (more: Partial<VirtualService> = {}): VirtualService => ({
  protocol: 'tcp',
  address: parseAddress('203.0.113.100')!,
  port: 80,
  scheduler: 'rr',
  timeouts: DEFAULT_TIMEOUTS,
  on_down: 'reset',
  servers: [],
  ...more,
});
const [one, two] = [at('192.168.1.101:80'), at('192.168.1.102:80')];
const virtual = at('203.0.113.100:80');
const client = (host: number, state: ConnectionState): Connection => ({
  protocol: 'tcp',
  state,
  client: at(`203.0.113.${host}:4000`),
  virtual,
  server: one,
  client_port_at_server: 4000,
  expires_ms: 1,
});

/** Prompts over these connections; a client with number 66 is out of reach. */
function promptsOver(connections: readonly Connection[], rate = 1_000) {
  const sent: string[] = [];
  const filters: ConnectionFilter[] = [];
  const told: [string, object][] = [];
  const note = (event: string, fields: object = {}) => void told.push([event, fields]);
  const prompts = new Prompts({
    plane: {
      async *connections(filter) {
        filters.push(filter);
        yield connections;
      },
    },
    open: (family) => ({
      send(packet, to) {
        if (to.endsWith('.66')) throw new Error('no way there');
        expect(family).toBe(4);
        expect(packet).toEqual(bareAck(virtual, { address: to, port: 4000 }));
        sent.push(to);
      },
      close: () => sent.push('closed'),
    }),
    rate,
    log: { info: note, warn: note } as unknown as Log,
  });
  return { prompts, sent, filters, told };
}

it('tells who has gone with a publication', () => {
  expect(newlyGone(service(), service({ gone: [one, two] }))).toEqual([one, two]);
  expect(newlyGone(service({ gone: [one] }), service({ gone: [one, two] }))).toEqual([two]);
  expect(newlyGone(undefined, service({ gone: [one] }))).toEqual([one]);
  expect(newlyGone(service({ gone: [one] }), service())).toEqual([]);
});

it('prompts clients that may be waiting, and goes on where one is out of reach', async () => {
  const { prompts, sent, filters, told } = promptsOver([
    client(10, 'ESTABLISHED'),
    client(66, 'ESTABLISHED'),
    client(11, 'SYN_RECV'),
    client(12, 'TIME_WAIT'),
    client(13, 'CLOSE_WAIT'),
  ]);
  prompts.prompt(service(), [one]);
  await prompts.done;
  expect(sent).toEqual(['203.0.113.10', '203.0.113.13', 'closed']);
  expect(filters).toEqual([{ service: 'tcp 203.0.113.100:80', server: '192.168.1.101:80' }]);
  const about = { service: 'tcp 203.0.113.100:80', server: '192.168.1.101:80' };
  expect(told).toEqual([
    ['clients_prompted', { ...about, clients: 2 }],
    ['prompt_failed', { ...about, clients: 1, error: new Error('no way there') }],
  ]);
});

it('finds the connections of a server that has the port its clients ask for', async () => {
  const { prompts, filters } = promptsOver([]);
  prompts.prompt(service(), [{ ...one, port: 0 }]);
  await prompts.done;
  expect(filters).toMatchObject([{ server: '192.168.1.101' }]);
});

it('prompts nobody of UDP, where no packet may be answered, or once it is closed', async () => {
  const { prompts, sent, filters } = promptsOver([client(10, 'ESTABLISHED')]);
  prompts.prompt(service({ protocol: 'udp' }), [one]);
  await prompts.close();
  prompts.prompt(service(), [one]);
  await prompts.done;
  const silent = promptsOver([client(10, 'ESTABLISHED')], 0);
  silent.prompts.prompt(service(), [one]);
  await silent.prompts.done;
  expect([sent, filters, silent.filters]).toEqual([[], [], []]);
});
