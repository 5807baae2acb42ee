/** Sends datagrams to an echo service, one at a time, from one or several source ports. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { UdpOptions, UdpResult } from './wire.ts';

async function openSocket(options: UdpOptions, index: number): Promise<Socket> {
  const socket = createSocket(options.address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(options.sourcePort === undefined ? 0 : options.sourcePort + index);
  await once(socket, 'listening');
  // Connected: the kernel hands over only what comes from the very address that was asked.
  socket.connect(options.port ?? 5353, options.address);
  await once(socket, 'connect');
  return socket;
}

/** Sends one datagram; the answer, or undefined when none came in time or the port was reported closed (ICMP). */
function ask(socket: Socket, payload: string, timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const finish = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.off('message', onMessage).off('error', onError);
      resolve(answer);
    };
    const onMessage = (message: Buffer): void => finish(message.toString());
    const onError = (): void => finish(undefined);
    const timer = setTimeout(() => finish(undefined), timeout);
    socket.on('message', onMessage).on('error', onError);
    socket.send(payload);
  });
}

/** Sends the datagrams. */
export async function runUdp(options: UdpOptions): Promise<UdpResult> {
  const sockets: Socket[] = [];
  for (let index = 0; index < (options.sockets ?? 1); index += 1)
    sockets.push(await openSocket(options, index));
  const byServer: Record<string, number> = {};
  const sequence: string[] = [];
  const wrong: string[] = [];
  let lost = 0;
  for (let number = 0; number < options.count; number += 1) {
    const payload = `datagram ${number + 1}`.padEnd(options.size ?? 0, ' 0123456789');
    const answer = await ask(sockets[number % sockets.length]!, payload, options.timeout ?? 1_000);
    if (answer === undefined) lost += 1;
    else if (!answer.endsWith(` ${payload}`)) wrong.push(answer);
    else {
      const server = answer.slice(0, -payload.length - 1);
      byServer[server] = (byServer[server] ?? 0) + 1;
      sequence.push(server);
    }
  }
  for (const socket of sockets) socket.close();
  return { answered: sequence.length, lost, byServer, sequence, wrong };
}
