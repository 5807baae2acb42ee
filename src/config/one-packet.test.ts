/** What a file may say about one_packet. */
import { expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblem } from './problems.ts';

const service = (head: string, ...servers: readonly string[]): string => `
  - address: 203.0.113.100
${head
  .split('; ')
  .map((line) => `    ${line}`)
  .join('\n')}
    servers: [${servers.map((server) => `{address: ${server}}`).join(', ')}]
`;
const file = (...services: readonly string[]): string =>
  `director: {public: eth0, private: eth1}\nservices:${services.join('')}`;

function parsed(text: string) {
  const result = parseConfig(text, 'f');
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.services;
}

function wrong(...services: readonly string[]): string {
  const result = parseConfig(file(...services), 'f');
  return result.ok ? '' : result.problems.map(formatProblem).join('\n');
}

it('is off unless the file says otherwise', () => {
  const [plain] = parsed(file(service('protocol: udp; port: 53', '192.168.1.101')));
  expect(plain).not.toHaveProperty('one_packet');
  const [off] = parsed(file(service('protocol: udp; port: 53; one_packet: false', '192.168.1.101')));
  expect(off).toEqual(plain);
  const [on] = parsed(file(service('protocol: udp; port: 53; one_packet: true', '192.168.1.101')));
  expect(on).toEqual({ ...plain, one_packet: true });
});

it('is refused where answers could not be told apart', () => {
  expect(wrong(service('protocol: tcp; port: 53; one_packet: true'))).toContain('is for UDP');
  expect(wrong(service('protocol: tcp; port: 53; one_packet: false'))).toBe('');
  expect(wrong(service('protocol: udp; ports: [53, 54]; one_packet: true'))).toContain('several ports');
  expect(wrong(service('protocol: udp; port: 0; persistence: {}; one_packet: true'))).toContain('every port');
  const prefix = service('protocol: udp; port: 53; one_packet: true').replace('.100', '.96/28');
  expect(wrong(prefix)).toContain('a prefix of addresses');
});

it('is refused for two services that one server would answer for', () => {
  const one = service('protocol: udp; port: 53; one_packet: true', '192.168.1.101');
  const same = service(
    'protocol: udp; port: 54; one_packet: true',
    '192.168.1.102',
    '192.168.1.101, port: 53',
  );
  expect(wrong(one, same)).toContain('192.168.1.101:53 is a server of another service with one_packet');
  const sorry = service(
    'protocol: udp; port: 54; one_packet: true; sorry_server: {address: 192.168.1.101, port: 53}',
  );
  expect(wrong(one, sorry)).toContain('192.168.1.101:53');
  expect(wrong(one, same.replace('true', 'false'))).toBe('');
  expect(wrong(one, same.replace('port: 53}', 'port: 55}'))).toBe('');
});
