/** Connections that are tried on the loopback interface, to listeners of this process. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Endpoint, parseAddress } from '../core/address/address.ts';
import { Connector, socketAddress } from './connector.ts';
import type { KernelError } from './errors.ts';

const loopback = parseAddress('127.0.0.1')!;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

const server = createServer((socket) => socket.on('error', () => {}).resume());
let target: Endpoint;
let before: number;
let connector: Connector;
beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { address: loopback, port: (server.address() as AddressInfo).port };
  before = descriptors();
  connector = new Connector();
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

const tried = (to: Endpoint) =>
  new Promise<KernelError | undefined>((resolve) => void connector.begin(to, undefined, resolve));

describe('a connector', () => {
  it('tells of each of very many attempts, and leaves no descriptor', async () => {
    const results = await Promise.all(Array.from({ length: 700 }, () => tried(target)));
    expect(results.every((error) => error === undefined)).toBe(true);
    connector.close();
    await expect.poll(() => descriptors()).toBeLessThanOrEqual(before);
  });

  it('says which errno kept it from connecting', async () => {
    expect(await tried({ address: loopback, port: 1 })).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await tried({ address: parseAddress('255.255.255.255')!, port: 1 })).toMatchObject({
      call: 'connect',
    });
    connector.close();
    expect(descriptors()).toBe(before);
  });

  it('tells nothing any more of what was given up', async () => {
    const told: string[] = [];
    connector.begin(target, undefined, () => told.push('given up'))();
    connector.begin({ ...target, address: parseAddress('255.255.255.255')! }, undefined, () =>
      told.push('given up though it had failed'),
    )();
    // Those of an attempt that came later, on a descriptor of the same number, are told.
    expect(await tried(target)).toBeUndefined();
    expect(told).toEqual([]);
    connector.begin(target, undefined, () => told.push('closed'));
    connector.close();
    expect(descriptors()).toBeLessThanOrEqual(before + 1);
    // Time enough for another one to connect.
    connector = new Connector();
    expect(await tried(target)).toBeUndefined();
    connector.close();
    expect(told).toEqual([]);
  });
});

it('writes socket addresses as the kernel reads them', () => {
  expect([...socketAddress({ address: loopback, port: 0x1f90 })]).toEqual([
    2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
  ]);
  const six = socketAddress({ address: parseAddress('2001:db8::1')!, port: 80 });
  expect([...six.slice(0, 12)]).toEqual([10, 0, 0, 80, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8]);
  expect(six.length).toBe(28);
});
