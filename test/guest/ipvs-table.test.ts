/** The client of ip_vs against the real one: what each call changes, by the words of the real ipvsadm. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import type { TableStep } from './ipvs-table-job.ts';

const guest = findGuest();

/** A step's name, the errno it is refused with, and the lines that ipvsadm prints less and more from then on. */
const RULES: readonly (readonly [string, string?, ...string[]])[] = [
  ['add the web service', '', '+ -A -t 203.0.113.1:80 -s sh -b sh-fallback,sh-port'],
  ['add the dns service', '', '+ -A -u [2001:db8::1]:53 -s rr -p 60 -M 64 -o'],
  ['add the sip service', '', '+ -A -u 203.0.113.1:5060 -s rr -p 300 --pe sip'],
  // ipvsadm prints marks as signed numbers.
  ['add the mark service', '', '+ -A -f -294967296 -6 -s mh'],
  ['add a service again', 'EEXIST'],
  ['add one of an unknown scheduler', 'ENOENT'],
  [
    'change a service',
    '',
    '- -A -t 203.0.113.1:80 -s sh -b sh-fallback,sh-port',
    '+ -A -t 203.0.113.1:80 -s wlc -p 90 -M 255.255.255.0',
  ],
  ['change one that is not there', 'ESRCH'],
  ['look up one that is not there', 'ESRCH'],
  ['add a server', '', '+ -a -t 203.0.113.1:80 -r 192.168.1.101:80 -m -w 1'],
  ['add one with thresholds', '', '+ -a -t 203.0.113.1:80 -r 192.168.1.102:80 -m -w 70000'],
  ['route', '', '+ -a -t 203.0.113.1:80 -r 192.168.1.103:80 -g -w 1'],
  [
    'tunnel',
    '',
    '+ -a -t 203.0.113.1:80 -r 192.168.1.104:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum',
  ],
  ['a server of IPv6', '', '+ -a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -m -w 1'],
  ['one of a mark', '', '+ -a -f -294967296 -6 -r [2001:db8::2]:0 -g -w 1'],
  ['a server again', 'EEXIST'],
  [
    'change a server',
    '',
    '- -a -t 203.0.113.1:80 -r 192.168.1.101:80 -m -w 1',
    '+ -a -t 203.0.113.1:80 -r 192.168.1.101:80 -m -w 0',
  ],
  ['change a server that is not there', 'ENOENT'],
  ['zero', ''],
  ['zero one that is not there', 'ESRCH'],
  ['remove a server', '', '- -a -t 203.0.113.1:80 -r 192.168.1.101:80 -m -w 0'],
  ['remove a server again', 'ENOENT'],
  [
    'remove a service',
    '',
    '- -A -u [2001:db8::1]:53 -s rr -p 60 -M 64 -o',
    '- -a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -m -w 1',
  ],
  ['remove a service again', 'ESRCH'],
];

describe.skipIf(guest === undefined)('IpvsTable', () => {
  let steps: readonly TableStep[];
  beforeAll(async () => {
    const job = fileURLToPath(new URL('ipvs-table-job.ts', import.meta.url));
    steps = (await runProgramInGuest(guest!, job, null)) as TableStep[];
  }, 150_000);

  const find = (name: string): TableStep => {
    const step = steps.find((one) => one.name === name);
    if (step === undefined) throw new Error(`there was no step “${name}”`);
    return step;
  };

  it('changes what it is told to, and says by name what the kernel refuses', () => {
    let before: readonly string[] = [];
    const seen = RULES.map(([name]) => {
      const { refused = '', ipvsadm } = find(name);
      const after = ipvsadm.split('\n').filter((line) => line !== '');
      const changes = [
        ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
        ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
      ];
      before = after;
      return [name, /\((E\w+)\)/.exec(refused)?.[1] ?? refused, ...changes];
    });
    expect(seen).toEqual(RULES.map(([name, refused = '', ...changes]) => [name, refused, ...changes]));
    expect(find('flush').ipvsadm).toBe('');
  });

  it('names in a refusal what was asked', () => {
    expect(find('a server again').refused).toBe(
      'netlink: add 192.168.1.101:80 to tcp 203.0.113.1:80: file already exists (EEXIST)',
    );
  });

  it('lists what ipvsadm lists, thresholds and tunnels too, the server added last at first', () => {
    const listed = find('list').value as [Record<string, unknown>, Record<string, unknown>[]][];
    const [service, servers] = listed.find(([one]) => one['scheduler'] === 'wlc')!;
    const id = { protocol: 'tcp', address: '203.0.113.1', port: 80 };
    expect(service).toMatchObject({ id, flags: 3, timeout: 90, netmask: '255.255.255.0' });
    expect(servers).toMatchObject([
      { address: '192.168.1.104', forward: 'tunnel', tunnel: { type: 'gue', port: 6080, flags: 1 } },
      { address: '192.168.1.103', forward: 'route' },
      { address: '192.168.1.102', weight: 70_000, upper_threshold: 9, lower_threshold: 3 },
      { address: '192.168.1.101', weight: 0, active: 0, inactive: 0, persistent: 0, stats: { conns: 0 } },
    ]);
    expect(find('list').ipvsadm).toMatch(/-> 192\.168\.1\.102:80 +9 +3 +0 +0/);
    const mark = listed.find(([one]) => one['scheduler'] === 'mh')!;
    expect(mark[0]).toMatchObject({ id: { fwmark: 4_000_000_000, family: 6 }, netmask: 128 });
    expect(find('look up one').value).toEqual(service);
    expect(find('servers of a service that is not there').value).toEqual([]);
  });

  it('knows time-outs, the version, and the daemons as ipvsadm shows them', () => {
    expect(find('info')).toMatchObject({
      value: { version: '1.2.1', conn_tab_size: 4096 },
      ipvsadm: 'IP Virtual Server version 1.2.1 (size=4096)',
    });
    expect(find('set time-outs').ipvsadm).toBe('Timeout (tcp tcpfin udp): 1000 120 77\n');
    expect(find('time-outs').value).toEqual({ tcp: 1000, tcp_fin: 120, udp: 77 });
    const text = (daemon: Record<string, unknown>) =>
      `${daemon['state']} sync daemon (mcast=${daemon['mcast_interface']}, syncid=${daemon['sync_id']}, ` +
      `maxlen=${daemon['sync_maxlen']}, group=${daemon['mcast_group']}, port=${daemon['mcast_port']}, ttl=${daemon['mcast_ttl']})\n`;
    const daemons = find('list daemons');
    expect((daemons.value as Record<string, unknown>[]).map(text).join('')).toBe(daemons.ipvsadm);
    expect(daemons.ipvsadm).toMatch(/backup .*syncid=7, maxlen=1400, group=224.0.0.90, port=8850, ttl=3/);
    expect(find('start it again').refused).toMatch(/EEXIST/);
    expect(find('stop both').ipvsadm).toBe('');
    expect(find('stop none').refused).toMatch(/ESRCH/);
  });
});
