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
