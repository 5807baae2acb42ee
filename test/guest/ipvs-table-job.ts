/** Runs in the guest: all that IpvsTable can do, and after each step what the real ipvsadm says of it. */
import { execFileSync } from 'node:child_process';
import type { Address } from '../../src/core/address/address.ts';
import type { IpvsServer, IpvsService, IpvsServiceId } from '../../src/dataplane/ipvs/codec/values.ts';
import { IpvsTable } from '../../src/dataplane/ipvs/table.ts';
import { KernelError } from '../../src/kernel/errors.ts';

/** What a step came to: its value or its refusal, and what ipvsadm printed then. */
export interface TableStep {
  readonly name: string;
  readonly value?: unknown;
  readonly refused?: string;
  readonly ipvsadm: string;
}

const ADDRESS = '203.0.113.1' as Address;
const TCP: IpvsServiceId = { protocol: 'tcp', address: ADDRESS, port: 80 };
const UDP6: IpvsServiceId = { protocol: 'udp', address: '2001:db8::1' as Address, port: 53 };
const SIP: IpvsServiceId = { protocol: 'udp', address: ADDRESS, port: 5060 };
const MARK: IpvsServiceId = { fwmark: 4_000_000_000, family: 6 };

const WHOLE = '255.255.255.255' as Address;
const web: IpvsService = { id: TCP, scheduler: 'sh', flags: 0x18, timeout: 0, netmask: WHOLE };
const kept: IpvsService = {
  ...web,
  scheduler: 'wlc',
  flags: 1,
  timeout: 90,
  netmask: '255.255.255.0' as Address,
};
const dns: IpvsService = { id: UDP6, scheduler: 'rr', flags: 5, timeout: 60, netmask: 64 };
const sip: IpvsService = { id: SIP, scheduler: 'rr', flags: 1, timeout: 300, netmask: WHOLE, pe: 'sip' };
const mark: IpvsService = { id: MARK, scheduler: 'mh', flags: 0, timeout: 0, netmask: 128 };

const server = (last: number, more: Partial<IpvsServer> = {}): IpvsServer => ({
  address: `192.168.1.${last}` as Address,
  port: 80,
  forward: 'masq',
  weight: 1,
  upper_threshold: 0,
  lower_threshold: 0,
  ...more,
});
const gue = { type: 'gue', port: 6080, flags: 1 } as const;
const inet6 = { address: '2001:db8::2' as Address, port: 53 };

function main(): void {
  const table = new IpvsTable();
  const steps: TableStep[] = [];
  const print = (...options: string[]): string => execFileSync('ipvsadm', options, { encoding: 'utf8' });
  const step = (name: string, act: () => unknown, show: () => string = () => print('-Sn')): void => {
    let came: Pick<TableStep, 'value' | 'refused'>;
    try {
      came = { value: act() };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      came = { refused: error.message };
    }
    steps.push({ name, ...came, ipvsadm: show() });
  };
  const list = () => table.listServices().map((one) => [one, table.listServers(one.id)]);

  step(
    'info',
    () => table.info(),
    () => print('-Ln').split('\n')[0]!,
  );
  for (const [name, service] of Object.entries({ web, dns, sip, mark }))
    step(`add the ${name} service`, () => table.addService(service));
  step('add a service again', () => table.addService(web));
  step('add one of an unknown scheduler', () =>
    table.addService({ ...web, id: { ...TCP, port: 81 }, scheduler: 'none-such' }),
  );
  step('change a service', () => table.setService(kept));
  step('change one that is not there', () => table.setService({ ...web, id: { ...TCP, port: 81 } }));
  step('look up one', () => table.getService(TCP));
  step('look up one that is not there', () => table.getService({ ...TCP, port: 81 }));
  step('add a server', () => table.addServer(TCP, server(101)));
  step('add one with thresholds', () =>
    table.addServer(TCP, server(102, { weight: 70_000, upper_threshold: 9, lower_threshold: 3 })),
  );
  step('route', () => table.addServer(TCP, server(103, { forward: 'route' })));
  step('tunnel', () => table.addServer(TCP, server(104, { forward: 'tunnel', tunnel: gue })));
  step('a server of IPv6', () => table.addServer(UDP6, { ...server(0), ...inet6 }));
  step('one of a mark', () => table.addServer(MARK, { ...server(0), ...inet6, port: 0, forward: 'route' }));
  step('a server again', () => table.addServer(TCP, server(101)));
  step('change a server', () => table.setServer(TCP, server(101, { weight: 0 })));
  step('change a server that is not there', () => table.setServer(TCP, server(109)));
  step('list', list, () => print('-Ln', '--thresholds') + print('-Ln', '--tun-info'));
  step('zero', () => [table.zero(TCP), table.zero()]);
  step('zero one that is not there', () => table.zero({ ...TCP, port: 81 }));
  step('remove a server', () => table.delServer(TCP, server(101)));
  step('remove a server again', () => table.delServer(TCP, server(101)));
  step('servers of a service that is not there', () => table.listServers({ ...TCP, port: 81 }));
  step(
    'set time-outs',
    () => table.setTimeouts({ tcp: 1000, tcp_fin: 0, udp: 77 }),
    () => print('-L', '--timeout'),
  );
  step('time-outs', () => table.getTimeouts());
  const daemons = () => print('-L', '--daemon');
  const master = { state: 'master', mcast_interface: 'lo', sync_id: 7 } as const;
  step('start a daemon', () => table.startDaemon(master), daemons);
  const group = '224.0.0.90' as Address;
  const backup = { ...master, state: 'backup', sync_maxlen: 1400, mcast_group: group } as const;
  step('start another', () => table.startDaemon({ ...backup, mcast_port: 8850, mcast_ttl: 3 }), daemons);
  step('start it again', () => table.startDaemon(backup), daemons);
  step('list daemons', () => table.listDaemons(), daemons);
  step('stop both', () => [table.stopDaemon('master'), table.stopDaemon('backup')], daemons);
  step('stop none', () => table.stopDaemon('master'), daemons);
  step('remove a service', () => table.delService(UDP6));
  step('remove a service again', () => table.delService(UDP6));
  step('flush', () => table.flush());
  table.close();
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  process.stdout.write(JSON.stringify(steps, plain));
}

main();
