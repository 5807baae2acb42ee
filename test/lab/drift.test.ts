/** What somebody changes by hand behind the daemon's back is found, put right and logged, and the traffic goes on. */
import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  LAYOUTS,
  readWeirServiceKey,
  type WeirServiceKey,
  writeWeirServiceKey,
} from '../../src/dataplane/bpf/contract.generated.ts';
import { swapPort } from '../../src/dataplane/bpf/words.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { mustRun } from '../../src/lab/command.ts';
import { netnsName } from '../../src/lab/names.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const web = `tcp ${vip}:80`;

/** Direct access to a pinned map's elements, such as bpftool has. */
interface PinnedMap {
  edit(key: Uint8Array, change: (value: DataView) => void): void;
  keys(): Uint8Array[];
  put(key: Uint8Array, value: Uint8Array): void;
}

describe('drift', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  /** What the log said was repaired, and what was to be. */
  const repairs: Readonly<Record<string, unknown>>[] = [];
  const made: Readonly<Record<string, unknown>>[] = [];

  const pin = (name: string) => {
    const { pinDir } = director.lab;
    return join(pinDir, readdirSync(pinDir)[0]!, name);
  };
  const run = (...argv: string[]) => director.lab.run(director.lab.director, argv);
  const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);

  function pinned<T>(name: string, size: number, use: (map: PinnedMap) => T, keySize = 4): T {
    const bpf = libbpf();
    const fd = bpf.getPinned(pin(name));
    if (fd === undefined) throw new Error(`${name} is not pinned`);
    const keys = () => {
      const all: Uint8Array[] = [];
      for (let last: Uint8Array | null = null; ; ) {
        const next = new Uint8Array(keySize);
        if (!bpf.nextKey(fd, last, next)) return all;
        all.push(next);
        last = next;
      }
    };
    try {
      return use({
        keys,
        put: (key, value) => bpf.update(fd, key, value),
        edit: (key, change) => {
          const value = new Uint8Array(size);
          expect(bpf.lookup(fd, key, value)).toBe(true);
          change(new DataView(value.buffer));
          bpf.update(fd, key, value);
        },
      });
    } finally {
      bpf.closeFd(fd);
    }
  }

  const onKeys = <T>(use: (map: PinnedMap) => T): T =>
    pinned('services_by_key', 4, use, LAYOUTS.weir_service_key.size);
  const keyOf = (map: PinnedMap, port: number): Uint8Array =>
    map.keys().find((key) => swapPort(readWeirServiceKey(new DataView(key.buffer)).port) === port)!;
  /** The slot that the web service's key points to. */
  const webSlot = (): number =>
    onKeys((map) => {
      let slot = -1;
      map.edit(keyOf(map, 80), (value) => {
        slot = value.getUint32(0, true);
      });
      return slot;
    });
  /** Changes a field of the web service's slot. */
  const editSlot = (change: (value: DataView) => void) =>
    pinned('services', LAYOUTS.weir_service.size, (map) => map.edit(u32(webSlot()), change));
  /** A field of the web service's slot. */
  const slotField = (name: keyof typeof LAYOUTS.weir_service.fields): number => {
    let found = -1;
    editSlot((value) => {
      found = value.getUint32(LAYOUTS.weir_service.fields[name], true);
    });
    return found;
  };

  const answers = async () => (await client.requests({ url: `http://${vip}/`, count: 8 })).byServer;
  const spread = { server1: 6, server2: 2 };

  beforeAll(async () => {
    director = await directorLab();
    const { servers } = director.lab;
    await director.write(
      draft(
        [
          {
            protocol: 'tcp',
            address: vip,
            port: 80,
            scheduler: 'wrr',
            servers: serversOn(servers.slice(0, 2), 80, [3, 1]),
          },
          { protocol: 'tcp', address: vip, port: 7, servers: serversOn(servers, 7) },
        ],
        {
          director: { public: 'eth0', private: 'eth1', look_every: '1s' },
          masquerade: [{ source: '192.168.1.0/24', interface: 'eth0' }],
        },
      ),
    );
    daemon = await director.start();
    daemon.onLine((line) => {
      if (line.includes('"event":"drift_repaired"')) repairs.push(JSON.parse(line));
    });
    client = labClient(director.lab, director.lab.clients[0]!);
  });
  afterAll(() => director?.close());

  const changes: {
    readonly what: string;
    readonly change: () => unknown;
    /** Of several, in the order of the plan. */
    readonly event: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];
  }[] = [
    {
      what: 'an address',
      change: () => run('ip', 'addr', 'del', `${vip}/24`, 'dev', 'eth0'),
      event: { step: 'add_vip', subject: `${vip}/24 dev eth0`, found: 'absent', wanted: 'there' },
    },
    {
      what: 'a sysctl',
      change: () => run('sysctl', '-w', 'net.ipv4.conf.eth0.rp_filter=1'),
      event: { step: 'set_sysctl', subject: 'net.ipv4.conf.eth0.rp_filter', found: '1', wanted: '2' },
    },
    {
      what: 'an nftables rule',
      change: () => run('nft', 'flush', 'table', 'inet', 'weir'),
      event: { step: 'add_masquerade', subject: 'masquerade 192.168.1.0/24 out eth0', wanted: 'there' },
    },
    {
      what: 'a link whose pin was removed',
      change: () => unlinkSync(pin('link_public_eth0')),
      event: { step: 'attach', subject: 'program on eth0', found: 'absent', wanted: 'attached (public)' },
    },
    {
      what: 'a link that was detached',
      change: () => mustRun(['bpftool', 'link', 'detach', 'pinned', pin('link_private_eth1')]),
      event: { step: 'attach', subject: 'program on eth1', found: 'absent', wanted: 'attached (private)' },
    },
    {
      what: 'a service whose key was deleted',
      change: async () => {
        const hex = onKeys((map) => [...keyOf(map, 80)].map((byte) => byte.toString(16)));
        // Halted, for it would be faster than the request.
        daemon.signal('SIGSTOP');
        await mustRun(['bpftool', 'map', 'delete', 'pinned', pin('services_by_key'), 'key', 'hex', ...hex]);
        const { failed } = await client.requests({ url: `http://${vip}/`, count: 1, timeout: 300 });
        daemon.signal('SIGCONT');
        expect(failed).toBe(1);
      },
      event: { step: 'publish_service', subject: web, found: 'its key is gone from services_by_key' },
    },
    {
      what: 'a key that points to the slot not published',
      change: () =>
        onKeys((map) =>
          map.edit(keyOf(map, 80), (value) => value.setUint32(0, value.getUint32(0, true) ^ 1, true)),
        ),
      event: { subject: web, found: expect.stringMatching(/^its key points to slot \d+, not \d+$/) },
    },
    {
      what: 'what a slot says',
      change: () => editSlot((value) => value.setUint32(LAYOUTS.weir_service.fields.eligible, 1, true)),
      event: { subject: web, found: expect.stringMatching(/^slot \d+: eligible is 1, not 2$/) },
    },
    {
      what: 'a turn of its ring',
      change: () =>
        pinned('rings', LAYOUTS.weir_turns.size, (map) =>
          map.edit(u32(slotField('ring')), (value) => value.setUint16(0, 1, true)),
        ),
      event: { subject: web, found: expect.stringMatching(/^turns \d+: member is \[1,/) },
    },
    {
      what: 'the weight of a member',
      change: () =>
        pinned('members', LAYOUTS.weir_member.size, (map) =>
          map.edit(u32(slotField('members')), (value) =>
            value.setUint32(LAYOUTS.weir_member.fields.weight, 7, true),
          ),
        ),
      event: { subject: web, found: expect.stringMatching(/^member \d+: weight is 7, not 3$/) },
    },
    {
      what: 'the time-outs of a service',
      change: () =>
        pinned('service_state', LAYOUTS.weir_service_state.size, (map) =>
          map.edit(u32(slotField('id')), (value) =>
            value.setUint32(LAYOUTS.weir_service_state.fields.timeouts + 4 * 3, 1, true),
          ),
        ),
      event: { subject: web, found: expect.stringMatching(/^state \d+: timeouts is \[/) },
    },
    {
      what: 'a key that nobody published',
      change: () =>
        onKeys((map) => {
          const bytes = keyOf(map, 80).slice();
          const view = new DataView(bytes.buffer);
          const key: WeirServiceKey = { ...readWeirServiceKey(view), port: swapPort(81) };
          writeWeirServiceKey(view, 0, key);
          map.put(bytes, u32(webSlot()));
        }),
      event: {
        step: 'remove_service',
        subject: `tcp ${vip}:81`,
        found: expect.stringContaining('Weir did not put there'),
        wanted: 'absent',
      },
    },
    {
      what: 'the address of a server',
      change: () =>
        pinned('members', LAYOUTS.weir_member.size, (members) => {
          let server = -1;
          members.edit(u32(slotField('members')), (value) => {
            server = value.getUint32(LAYOUTS.weir_member.fields.server, true);
          });
          pinned('servers', LAYOUTS.weir_server.size, (map) =>
            map.edit(u32(server), (value) => value.setUint16(LAYOUTS.weir_server.fields.port, 1, true)),
          );
        }),
      event: { subject: web, found: expect.stringMatching(/^server \d+: port is 1, not \d+$/) },
    },
    {
      what: 'what the settings say',
      change: () =>
        pinned('settings', LAYOUTS.weir_settings.size, (map) =>
          map.edit(u32(0), (value) => {
            value.setUint32(LAYOUTS.weir_settings.fields.answer_rate, 0, true);
            value.setUint32(LAYOUTS.weir_settings.fields.no_new_since, 1, true);
          }),
        ),
      event: { step: 'mend_plane', subject: 'data plane', found: 'settings: no_new_since is 1, not 0' },
    },
    {
      what: 'a table whose pin was removed',
      change: () => unlinkSync(pin('connections4')),
      event: { step: 'mend_plane', subject: 'data plane', found: 'pins are gone: connections4' },
    },
    {
      what: 'the plane all of whose pins were removed',
      change: () => {
        for (const file of readdirSync(pin('.'))) unlinkSync(pin(file));
        rmSync(director.lab.pinDir, { recursive: true });
      },
      event: [
        {
          step: 'mend_plane',
          subject: 'data plane',
          found: expect.stringMatching(/^pins are gone: .* more$/),
        },
        { step: 'attach', subject: 'program on eth0' },
        { step: 'attach', subject: 'program on eth1' },
      ],
    },
    {
      what: 'an address and a parameter at once',
      change: async () => {
        daemon.signal('SIGSTOP');
        await run('ip', 'addr', 'del', `${vip}/24`, 'dev', 'eth0');
        await run('sysctl', '-w', 'net.ipv4.conf.eth0.rp_filter=1');
        daemon.signal('SIGCONT');
      },
      event: [
        { step: 'set_sysctl', subject: 'net.ipv4.conf.eth0.rp_filter' },
        { step: 'add_vip', subject: `${vip}/24 dev eth0` },
      ],
    },
    {
      what: 'an interface that was made anew',
      change: async () => {
        const [{ address }] = JSON.parse(await run('ip', '-j', 'link', 'show', 'eth1'));
        const { lab } = director;
        const end = ['ip', '-n', netnsName(lab.name, 'switch'), 'link'];
        daemon.signal('SIGSTOP');
        await mustRun([...end, 'del', 'prv-director']);
        const peer = ['peer', 'name', 'eth1', 'address', address, 'netns', lab.director.netns];
        await mustRun([...end, 'add', 'prv-director', 'type', 'veth', ...peer]);
        await mustRun([...end, 'set', 'prv-director', 'master', 'br-private', 'up']);
        await run('ip', 'addr', 'add', '192.168.1.1/24', 'dev', 'eth1');
        await run('ip', 'link', 'set', 'eth1', 'up');
        daemon.signal('SIGCONT');
      },
      event: [
        { step: 'set_sysctl', subject: 'net.ipv4.conf.eth1.rp_filter', wanted: '2' },
        { step: 'set_sysctl', subject: 'net.ipv4.conf.eth1.send_redirects', wanted: '0' },
        { step: 'attach', subject: 'program on eth1', found: 'absent' },
      ],
    },
  ];

  it.each(changes)('$what comes back, is logged, and the traffic goes on', async ({ change, event }) => {
    const held = await client.hold({ address: vip, port: 7, count: 6 });
    const before = repairs.length;
    const events = [event].flat();
    await change();
    made.push(...events);
    await expect
      .poll(() => repairs.slice(before), { timeout: 15_000, interval: 50 })
      .toMatchObject(events.map((one) => ({ level: 'warn', ...one })));
    expect(await answers()).toEqual(spread);
    expect(await held.close()).toMatchObject({ alive: 6, dead: [] });
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
  });

  it('a key put back by nobody leads nowhere', async () => {
    expect(onKeys((map) => map.keys()).length).toBe(2);
    expect((await director.services()).map(({ key }) => key).sort()).toEqual([`tcp ${vip}:7`, web]);
  });

  it('a server whose record was changed has another number, and the old one goes', async () => {
    await expect
      .poll(async () => (await director.service(web)).servers.map(({ leaving }) => leaving), {
        timeout: 20_000,
        interval: 250,
      })
      .toEqual([false, false]);
    expect(director.errors()).toEqual([]);
  });

  it('each was repaired once, and nothing else was', () => {
    expect(repairs.map(({ subject }) => subject)).toEqual(made.map(({ subject }) => subject));
  });
});
