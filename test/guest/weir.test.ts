/** The whole of weir on the kernel's ip_vs, in a guest: start, reload, drift, refusals, kill -9, `weir down`. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import type { WeirStep } from './weir-job.ts';

const guest = findGuest();

const THEIRS = '-A -t 198.51.100.1:80 -s rr';
const [WEB, TLS, CHAT] = [80, 443, 79].map((port) => `-t 203.0.113.100:${port}`) as [string, string, string];
const servers = (service: string, ...weights: readonly number[]): string[] =>
  weights.map(
    (weight, i) => `-a ${service} -r 192.168.1.${101 + i}:${service.split(':')[1]} -m -w ${weight}`,
  );

describe.skipIf(guest === undefined)('weir on ip_vs', () => {
  let steps: readonly WeirStep[];
  beforeAll(async () => {
    const program = weirProgram();
    if (!existsSync(program)) throw new Error(`${program} is missing; run make build first`);
    const job = fileURLToPath(new URL('weir-job.ts', import.meta.url));
    steps = (await runProgramInGuest(guest!, job, { program }, 240)) as WeirStep[];
  }, 300_000);

  const find = (name: string): WeirStep => {
    const step = steps.find((one) => one.name === name);
    if (step === undefined) throw new Error(`there was no step “${name}”`);
    return step;
  };
  const web = (...weights: readonly number[]) => [`-A ${WEB} -s wrr`, ...servers(WEB, ...weights)];
  const tls = [`-A ${TLS} -s rr -p 90`, ...servers(TLS, 1)];

  it('publishes services beside those of others, adds the VIP, and tells the host what ip_vs needs', () => {
    const { rules, addresses, sysctls, timeouts, modules, value } = find('start');
    expect(rules).toEqual([THEIRS, ...web(3, 1), ...tls]);
    expect(addresses).toContain('203.0.113.100/24');
    expect(sysctls).toEqual({
      'net.ipv4.ip_forward': '1',
      'net.ipv4.vs.expire_nodest_conn': '1',
      'net.ipv4.vs.sloppy_tcp': '0',
    });
    expect(timeouts).toBe('Timeout (tcp tcpfin udp): 600 120 300');
    expect(modules).toMatch(/^# .*\nip_vs\nip_vs_rr\nip_vs_wrr\n$/);
    expect(value).toMatchObject({ event: 'ready' });
    expect(find('status').value).toMatch(/^ip_vs plane: ip_vs 1\.2\.1, 4096 rows/);
    expect(find('services').value).toMatchObject([
      { key: 'tcp 203.0.113.100:80', servers: [{ weight: 3 }, { weight: 1 }] },
      { key: 'tcp 203.0.113.100:443', persistence: { timeout: 90_000 } },
    ]);
  });

  it('reloads what has changed and nothing else', () => {
    const { value, rules } = find('reload');
    expect(value).toMatchObject({ ok: true, steps: 1 });
    expect(rules).toEqual([THEIRS, ...web(3, 0, 2), ...tls]);
    const methods = find('other methods');
    expect(methods.value).toMatchObject({ ok: true, steps: 2 });
    expect(methods.rules).toEqual(
      expect.arrayContaining([
        '-A -t 203.0.113.100:25 -s wlc',
        '-a -t 203.0.113.100:25 -r 192.168.1.101:25 -g -w 1',
        '-a -t 203.0.113.100:25 -r 192.168.1.102:25 -i -w 1 --tun-type ipip',
      ]),
    );
  });

  it('has marks, SCTP, persistence engines, tunnels of all kinds and sync daemons', () => {
    const { value, rules, modules } = find('alone');
    const MASTER = 'master sync daemon (mcast=e0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=3)';
    expect(value).toEqual([
      // The sixth and seventh: IPv6 is to be forwarded, too, and the daemon.
      expect.objectContaining({ ok: true, steps: 7 }),
      MASTER,
      expect.arrayContaining(['fwmark 7', 'fwmark 7 IPv6', 'sctp 203.0.113.100:2905']),
    ]);
    expect(rules).toEqual(
      expect.arrayContaining([
        '-A -f 7 -s rr',
        '-a -f 7 -r 192.168.1.101:0 -m -w 1',
        '-a -f 7 -r 192.168.1.102:8080 -m -w 1',
        '-A -f 7 -6 -s wlc',
        '-A --sctp-service 203.0.113.100:2905 -s wlc',
        '-A -u 203.0.113.100:5060 -s wlc -p 60 --pe sip',
        '-a -t 203.0.113.100:26 -r 192.168.1.101:26 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum',
        '-a -t 203.0.113.100:26 -r 192.168.1.102:26 -i -w 1 --tun-type gre --tun-csum',
      ]),
    );
    expect(modules).toContain('\nip_vs_pe_sip\n');
    expect(find('drift of a daemon').value).toEqual([
      expect.objectContaining({ subject: 'master sync daemon', found: 'absent' }),
      MASTER,
    ]);
    // Somebody else's daemon stays.
    expect(find('without').value).toEqual([
      expect.objectContaining({ ok: true, steps: 6 }),
      expect.stringMatching(/^backup sync daemon \(mcast=c0, syncid=1, [^)]*\)$/),
    ]);
    // Unless the configuration has one of its own; the bounds of the kernel are no drift.
    expect(find('instead').value).toEqual([
      expect.objectContaining({ ok: true, steps: 1 }),
      expect.stringMatching(/^backup sync daemon \(mcast=e0, syncid=7, maxlen=1024, [^)]*\)$/),
      expect.objectContaining({ lines: ['no changes'] }),
    ]);
    expect(find('none').value).toEqual([expect.objectContaining({ ok: true, steps: 1 }), '']);
  });

  it('lets ipvsadm change its services as overrides, and those of others as they are', () => {
    const { value, rules } = find('overrides');
    const [said, reloaded, toRepair, overrides] = value as [string[], unknown, unknown, unknown];
    expect(said.slice(0, 5)).toEqual(['0 ', '0 ', '0 ', '0 ', '0 Service already exists\n']);
    expect(said[5]).toMatch(/^255 .*ip_vs has no scheduler twos: .*ip_vs_twos/);
    expect(said[6]).toBe('0 ');
    expect(said[7]).toMatch(/^255 the time-outs of this director stand in .*weir\.yaml/);
    expect([reloaded, toRepair]).toEqual([expect.objectContaining({ ok: true, steps: 0 }), []]);
    expect(rules).toEqual([
      THEIRS,
      '-a -t 198.51.100.1:80 -r 192.168.1.101:80 -m -w 1',
      `-A ${WEB} -s wrr`,
      ...servers(WEB, 0, 0, 2),
      `-a ${WEB} -r 192.168.1.104:80 -g -w 4`,
      tls[0],
      '-A -f 9 -s rr',
    ]);
    expect(overrides).toMatchObject([
      { server: '192.168.1.104:80', change: 'added', rule: { weight: 4, method: 'direct' }, by: 'alice' },
      { server: '192.168.1.101:80', change: 'edited', rule: { weight: 0, upper_threshold: 9 } },
      { service: 'fwmark 9', change: 'added' },
      { service: 'tcp 203.0.113.100:443', server: '192.168.1.101:443', change: 'removed' },
    ]);
    expect(find('restored')).toMatchObject({
      value: '0 ',
      rules: ['-A -t 198.51.100.1:80 -s wrr', `-A ${WEB} -s rr`, ...servers(WEB, 1)],
    });
    expect(find('cleared')).toMatchObject({ value: '0 ', rules: [] });
    expect(find('dropped')).toMatchObject({
      value: [{ ok: true }, []],
      rules: [THEIRS, ...web(3, 0, 2), ...tls],
    });
  });

  it('repairs what somebody does to its services by hand, and says what it found', () => {
    const { value, rules } = find('drift');
    expect(value).toMatchObject({
      subject: 'tcp 203.0.113.100:80',
      found: 'server 192.168.1.101:80 by masq at weight 9',
    });
    expect(rules).toEqual([THEIRS, ...web(3, 0, 2), ...tls]);
  });

  it('refuses a file that asks for what only the other plane can do', () => {
    const { value, rules } = find('beyond');
    expect(value).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/:6:\d+: services\[0\]\.no_server: .*dataplane: bpf can do that/)],
    });
    expect(rules).toEqual(find('drift').rules);
  });

  it('says which step the kernel refused and why, and goes on from what is', () => {
    const { value, rules } = find('refusal');
    expect(value).toMatch(
      /1 of 3 steps failed: step 1, \+ service tcp 203\.0\.113\.100:79 .* ip_vs has no scheduler twos: .*ip_vs_twos/,
    );
    expect(rules).toEqual([THEIRS, ...web(4)]);
    expect(find('still refused').value).toMatchObject({
      lines: expect.arrayContaining([
        expect.stringMatching(
          /^refused the last time: service tcp 203\.0\.113\.100:79 .*: .* has no scheduler twos/,
        ),
      ]),
    });
    const after = find('after the refusal');
    expect(after.value).toMatchObject({ ok: true, steps: 1 });
    expect(after.modules).toMatch(/\nip_vs_lc\nip_vs_wrr\n$/);
    expect(after.rules).toEqual([THEIRS, `-A ${CHAT} -s lc`, ...servers(CHAT, 1), ...web(4)]);
  });

  it('is killed, and found again by the next daemon without a step', () => {
    expect(find('killed').rules).toEqual(find('after the refusal').rules);
    expect(find('start again')).toMatchObject({
      value: { steps: 0 },
      rules: find('after the refusal').rules,
    });
    expect(find('another plane').value).toMatchObject({
      lines: ['no changes', 'dataplane: ipvs → bpf only by weir migrate, or after weir down and weir run'],
    });
  });

  it('takes down what is its own, by the daemon or without one, and puts the host back', () => {
    const before = find('before');
    for (const name of ['down', 'down alone']) {
      const { rules, addresses, sysctls, timeouts, modules } = find(name);
      expect(rules).toEqual([THEIRS]);
      expect(addresses).not.toContain('203.0.113.100');
      expect([sysctls, timeouts, modules]).toEqual([before.sysctls, before.timeouts, undefined]);
    }
    expect(find('down alone').value).toContain('ip_vs: tcp 203.0.113.100:80 removed');
  });

  it('is chosen by auto where BPF is not to be had, and says why', () => {
    const { value, rules } = find('auto');
    expect(value).toMatch(/^ip_vs plane: .*; chosen because bpf is not to be had: ./);
    expect(rules).toEqual([THEIRS, ...web(1)]);
  });
});
