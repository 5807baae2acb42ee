/** What comes of asking once, in words; and which failures are not the server's. */
import { type AgentAnswer, judgeAgent } from '../core/health/agent.ts';
import { tlsReason } from './tls-reasons.ts';

/** What a protocol says of one attempt: undefined where the server is well, else why it is not. */
export interface Outcome {
  readonly outcome: 'passed' | 'failed' | 'void';
  readonly reason: string;
  /** What somebody should look at although the server passes. */
  readonly warning?: string;
  /** How much of its weight the server asks for, in percent from 0 on; only of one that passes. */
  readonly figure?: number;
  /** What an agent says: what comes of it depends on what it has said before. */
  readonly said?: AgentAnswer;
}

/** Thrown where the director cannot ask at all: the server is not to blame. */
export class CannotAsk extends Error {
  override readonly name = 'CannotAsk';
}

export const passed = (reason: string, warning?: string): Outcome => ({
  outcome: 'passed',
  reason,
  ...(warning !== undefined && { warning }),
});
/** Passed, with how much of its weight the server asks for. */
export const asked = (figure: number, reason: string): Outcome => ({ outcome: 'passed', reason, figure });
/** As if the agent had never spoken before. */
export const agentSaid = (said: AgentAnswer): Outcome => {
  const { up, reason } = judgeAgent(said);
  return { outcome: up ? 'passed' : 'failed', reason, said };
};
export const failed = (reason: string): Outcome => ({ outcome: 'failed', reason });
export const notMade = (reason: string): Outcome => ({ outcome: 'void', reason });

/** errno(3) in the words of those who wait for an answer. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  EHOSTDOWN: 'host is down',
};

/** Failures of this machine: no such address here, no port, descriptor or memory left, a rule of its own firewall. */
const OWN: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'the director has no such address, or no free port',
  EMFILE: 'the director has no file descriptor left',
  ENFILE: 'the director has no file descriptor left',
  ENOBUFS: 'the director has no buffers left',
  EAGAIN: 'the director has no buffers left',
  ENOMEM: 'the director has no memory left',
  EACCES: 'the director may not connect there',
  EPERM: 'the director may not connect there',
};

/** The outcome of an attempt that ended with an error. */
export function outcomeOf(error: unknown): Outcome {
  const { code = '', message = 'failed' } = error as NodeJS.ErrnoException;
  const own = error instanceof CannotAsk ? message : OWN[code];
  if (own !== undefined) return notMade(own);
  // llhttp's codes, which node documents: the answer broke HTTP's syntax, or its bounds.
  if (code === 'HPE_HEADER_OVERFLOW') return failed('the header of the answer is too long');
  if (code.startsWith('HPE_')) return failed('the answer is not HTTP');
  return failed(REASONS[code] ?? tlsReason(error as Error, code) ?? (code === '' ? message : code));
}
