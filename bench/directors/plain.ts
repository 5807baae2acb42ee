/** Plain IP routing: no address is rewritten, each connection is to a real server's own address. The base of every ratio. */
import type { Director } from './director.ts';

/** Plain routing through the director. */
export function plainRouting(): Director {
  return {
    name: 'plain routing',
    protocols: ['tcp', 'udp'],
    version: async (lab) => `kernel ${(await lab.run(lab.director, ['uname', '-r'])).trim()}`,
    start: (lab) => lab.sysctl(lab.director, { 'net.ipv4.ip_forward': 1 }),
    target: (lab, index) => lab.servers[index % lab.servers.length]!.ipv4,
    stop: (lab) => lab.sysctl(lab.director, { 'net.ipv4.ip_forward': 0 }),
  };
}
