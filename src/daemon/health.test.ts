import { expect, it } from 'vitest';
import type { ChecksListener, CheckThread } from '../checks/open.ts';
import { parseConfig } from '../config/parse.ts';
import { NO_CHECKS } from '../core/health/scheduler.ts';
import { type CheckState, freshState } from '../core/health/state.ts';
import type { Log } from '../observe/log.ts';
import { Health } from './health.ts';

const FILE = `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 443
    checks: [{type: https}]
    servers: [{address: 192.168.1.101}]
`;

it('is looked at again only for feedback that changes a weight, and tells when it is missing and back', async () => {
  const parsed = parseConfig(
    FILE.replace('{type: https}', '{type: agent, feedback: {}}').replace('.101}', '.101, weight: 10}'),
    'f',
  );
  if (!parsed.ok) throw new Error('the file is wrong');
  const told: string[] = [];
  const note = (event: string, fields: object = {}) => {
    told.push([event, ...Object.values(fields)].join(' '));
  };
  const log = { info: note, warn: note, error: note } as unknown as Log;
  let looks = 0;
  let listener: ChecksListener | undefined;
  const health = new Health({
    log,
    changed: () => {
      looks++;
    },
    overrides: { load: () => new Map(), save: () => {} },
    open: (its) => {
      listener = its;
      return {
        set: () => {},
        report: async () => ({ states: new Map(), scheduler: NO_CHECKS }),
        latest: NO_CHECKS,
        close: async () => {},
      };
    },
  });
  health.adopt(parsed.config, health.watchUnder(parsed.config));
  const [key] = [...health.watch.checks.keys()];
  const say = (share: number, stale = false) => {
    const feedback = { heard: share, value: share, at: 0, share, silent: 0, stale };
    const last = { outcome: 'void', reason: 'no answer', tookMs: 1, at: 0 } as const;
    const state: CheckState = { ...freshState(0), verdict: 'up', last, feedback };
    listener!.changed(new Map([[key!, state]]));
    return [looks, health.weigh(parsed.config)(parsed.config.services[0]!).servers[0]?.weight];
  };
  expect([say(50), say(52), say(60), say(60), say(58)]).toEqual([
    [1, 5],
    [1, 5],
    [2, 6],
    [2, 6],
    [2, 6],
  ]);
  const server = 'tcp 203.0.113.100:443 192.168.1.101:443';
  expect(told).toEqual([`feedback_weight ${server} 5 10 10 it asks for 50% of its weight`]);
  expect(say(100, true)).toEqual([3, 10]);
  expect(say(50)).toEqual([4, 5]);
  const what = `${server} agent 192.168.1.101:443`;
  const stale = 'its feedback is stale, so its configured weight counts: no answer';
  expect(told.slice(1)).toEqual([
    `feedback_stale ${what} ${stale}`,
    `feedback_weight ${server} 10 5 10 ${stale}`,
    `feedback_heard ${what} no answer`,
    `feedback_weight ${server} 5 10 10 it asks for 50% of its weight`,
  ]);
  const [history] = health.history;
  expect(history?.transitions).toMatchObject([{ to: 'weighed', weight: { from: 10, to: 5, changes: 4 } }]);
  await health.close();
});

it('tells when a warning begins and when it is over, once each', async () => {
  const parsed = parseConfig(FILE, 'f');
  if (!parsed.ok) throw new Error('the file is wrong');
  const told: string[] = [];
  const note = (event: string, fields: object = {}) => {
    told.push([event, ...Object.values(fields)].join(' '));
  };
  const log = { info: note, warn: note, error: note } as unknown as Log;
  let listener: ChecksListener | undefined;
  const thread: CheckThread = {
    set: () => {},
    report: async () => ({ states: new Map(), scheduler: NO_CHECKS }),
    latest: NO_CHECKS,
    close: async () => {},
  };
  const health = new Health({
    log,
    changed: () => {},
    overrides: { load: () => new Map(), save: () => {} },
    open: (its) => {
      listener = its;
      return thread;
    },
  });
  health.adopt(parsed.config, health.watchUnder(parsed.config));
  const [key] = [...health.watch.checks.keys()];
  const up: CheckState = { ...freshState(0), verdict: 'up' };
  const warned: CheckState = { ...up, warning: 'its certificate expires on 2026-12-01' };
  for (const state of [up, warned, warned, up]) listener!.changed(new Map([[key!, state]]));
  const what = 'tcp 203.0.113.100:443 192.168.1.101:443 its certificate expires on 2026-12-01';
  const check = 'https GET 192.168.1.101:443/';
  expect(told).toEqual([`server_warning ${what} ${check}`, `server_warning_over ${what} ${check}`]);
  await health.close();
});
