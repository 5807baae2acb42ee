import { describe, expect, it } from 'vitest';
import { grownBy, parseTcpCounters } from './counters.ts';

const text = `Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm MaxConn RetransSegs
Tcp: 1 -1 7
TcpExt: SyncookiesSent TCPSynRetrans
TcpExt: 0 3
`;

describe('TCP counters', () => {
  it('are taken from the TCP tables only', () => {
    expect(parseTcpCounters(text)).toEqual({
      RtoAlgorithm: 1,
      MaxConn: -1,
      RetransSegs: 7,
      SyncookiesSent: 0,
      TCPSynRetrans: 3,
    });
  });

  it('are compared name by name', () => {
    expect(grownBy({ RetransSegs: 5 }, { RetransSegs: 7, TCPSynRetrans: 2 })).toEqual({
      RetransSegs: 2,
      TCPSynRetrans: 2,
    });
  });
});
