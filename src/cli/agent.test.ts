import { describe, expect, it } from 'vitest';
import { agentOptions } from './verbs/agent.ts';

const own = {
  listen: '127.0.0.1:9999',
  by: 'load,memory',
  floor: '1',
  timeout: '1000',
  stateFile: '/s',
  proc: '/proc',
  logLevel: 'info',
};

describe('weir agent', () => {
  it('answers this machine alone unless told otherwise', () => {
    expect(agentOptions(own, [])).toMatchObject({
      listen: { address: '127.0.0.1', port: 9999 },
      allow: [
        { address: '127.0.0.0', length: 8 },
        { address: '::1', length: 128 },
      ],
      sources: ['load', 'memory'],
    });
    const allow = ['192.168.1.1', '10.0.0.0/8'];
    expect(agentOptions({ ...own, listen: '192.168.1.101:9999', allow, floor: '5%' }, [])).toMatchObject({
      allow: [
        { address: '192.168.1.1', length: 32 },
        { address: '10.0.0.0', length: 8 },
      ],
      floor: 5,
    });
  });

  it.each([
    [{ listen: '0.0.0.0:9999' }, [], 'who may ask at 0.0.0.0:9999?'],
    [{ listen: 'server:9999' }, [], '--listen server:9999 is no address and port'],
    [{ allow: ['somebody'] }, [], '--allow somebody is neither'],
    [{ by: 'load,cpu' }, [], '"cpu" is none of load, memory, queue, command'],
    [{ by: '' }, [], '"" is none of'],
    [{ by: 'command' }, [], 'go together'],
    [{}, ['/bin/true'], 'go together'],
    [{ by: 'command' }, ['true'], 'true is not the absolute path'],
    [{ floor: '101' }, [], '--floor 101 is not a whole number from 0 to 100'],
    [{ timeout: '1s' }, [], '--timeout 1s is not a whole number'],
  ])('refuses %j %j', (more, command, message) => {
    expect(() => agentOptions({ ...own, ...more }, command)).toThrow(message);
  });
});
