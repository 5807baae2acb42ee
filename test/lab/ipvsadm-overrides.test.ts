/** What ipvsadm changes on Weir's own plane: it takes effect without breaking a connection, stays, and can be written into the file. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyOverride } from '../../src/api/control.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const web = `${vip}:80`;
const key = `tcp ${web}`;

const text = (last: string) => `# The director.
director: {public: eth0, private: eth1}
vips: [{address: ${vip}/24, label: "eth0:0"}]
limits: {connections_ipv4: 4K, connections_ipv6: 1K, half_open: 256, services: 32, servers: 256}

services:
  # The web.
  - protocol: tcp
    address: ${vip}    # the one of the door plate
    port: 80
    scheduler: rr
    servers:
      - {address: 192.168.1.101, weight: 1}   # the old one
      - {address: 192.168.1.102}
${last}
  # Echoes.
  - protocol: tcp
    address: ${vip}
    port: 7
    scheduler: rr
    servers:
      - {address: 192.168.1.101}
`;

describe('ipvsadm’s changes', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  const program = async (name: string, words: readonly string[], input?: string) => {
    const { lab } = director;
    const line = ['env', `WEIR_RUN_DIR=${lab.runDir}`, process.execPath, `dist/${name}.js`, ...words];
    const piped = input === undefined ? line : ['sh', '-c', `printf '%s' "$0" | "$@"`, input, ...line];
    const { code, stdout, stderr } = await lab.exec(lab.director, piped);
    return { code, stdout, stderr };
  };
  const ipvsadm = (line: string, input?: string) => program('ipvsadm', line.split(' '), input);
  const weir = (...words: string[]) => director.weir.run(words);
  const spread = async (count = 12) => (await client.requests({ url, count })).byServer;
  const overrides = async () => JSON.parse(await weir('overrides', '-o', 'json')) as readonly AnyOverride[];
  const rules = async () => (await ipvsadm('-Sn')).stdout.trimEnd().split('\n');
  const done = { code: 0, stdout: '', stderr: '' };
  const [first, second, third] = [1, 2, 3].map((i) => `-t ${web} -r 192.168.1.10${i}:80 -m -w`) as [
    string,
    string,
    string,
  ];
  const echo = [`-A -t ${vip}:7 -s rr`, `-a -t ${vip}:7 -r 192.168.1.101:7 -m -w 1`];
  const configured = [...echo, `-A -t ${web} -s rr`, `-a ${first} 1`, `-a ${second} 1`];

  beforeAll(async () => {
    director = await directorLab();
    client = labClient(director.lab, director.lab.clients[0]!);
    await director.weir.writeConfig(text(''));
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('take effect at once, and no connection ends', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 4 });
    expect(await rules()).toEqual(configured);
    expect(await ipvsadm(`-a ${third} 1`)).toEqual(done);
    expect(await spread()).toEqual({ server1: 4, server2: 4, server3: 4 });
    expect(await ipvsadm(`-e ${first} 0 -x 50`)).toEqual(done);
    expect(await ipvsadm(`-d -t ${web} -r 192.168.1.102:80`)).toEqual(done);
    expect(await spread()).toEqual({ server3: 12 });
    expect(await ipvsadm(`-E -t ${web} -s wrr`)).toEqual(done);
    expect(await ipvsadm(`-A -t ${vip}:8 -s rr`)).toEqual(done);
    expect(await ipvsadm(`-a -t ${vip}:8 -r 192.168.1.102:7 -m`)).toEqual(done);
    expect(await client.hold({ address: vip, port: 8, count: 2 }).then((two) => two.close())).toMatchObject({
      alive: 2,
    });
    expect(await ipvsadm(`-D -t ${vip}:7`)).toEqual(done);
    expect(await held.close()).toMatchObject({ alive: 4, dead: [] });
  });

  const changed = [
    `-A -t ${vip}:8 -s rr`,
    `-a -t ${vip}:8 -r 192.168.1.102:7 -m -w 1`,
    `-A -t ${web} -s wrr`,
    `-a ${first} 0`,
    `-a ${third} 1`,
  ];

  it('are refused in ipvsadm’s words, and with the name of the plane that can', async () => {
    for (const [line, words] of [
      [`-a ${third} 1`, 'Destination already exists'],
      [`-A -t ${web}`, 'Service already exists'],
      [`-D -t ${vip}:9`, 'No such service'],
      [`-a -t ${vip}:9 -r 192.168.1.101 -m`, 'Service not defined'],
      [`-e ${second} 1`, 'No such destination'],
    ])
      expect(await ipvsadm(line!)).toEqual({ code: 255, stdout: '', stderr: `${words}\n` });
    for (const [line, words] of [
      [`-a -t ${web} -r 192.168.1.104:80`, /dataplane: ipvs.* -m\n$/],
      [`-a -t ${web} -r ${web} -m`, /is a virtual IP of this director/],
      [`-a -t ${web} -r 192.168.1.104:80 -m -w 70000`, /70000 is not a weight/],
      [`-A -f 7 -s rr`, /dataplane: ipvs/],
    ] as const)
      expect(await ipvsadm(line)).toMatchObject({
        code: 255,
        stdout: '',
        stderr: expect.stringMatching(words),
      });
    expect(await rules()).toEqual(changed);
  });

  it('outlive a reload, a kill -9 and a start, and are shown', async () => {
    await weir('reload');
    daemon.signal('SIGKILL');
    await daemon.ended;
    daemon = await director.start();
    expect(await rules()).toEqual(changed);
    expect(await spread()).toEqual({ server3: 12 });
    const { code, stdout } = await director.weir.exec(['diff']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /override: 192\.168\.1\.103:80 of tcp \S+:80 added: weight 1 \(ipvsadm by \S+, \S+Z\)/,
    );
    expect(await weir('overrides', '--no-headers')).toMatch(
      /^192\.168\.1\.101:80 +tcp \S+:80 +- +edited: weight 0, upper_threshold 50 \(ipvsadm/m,
    );
    expect((await overrides()).map(({ kind, service }) => `${kind} ${service}`).sort()).toEqual([
      `server tcp ${vip}:8`,
      ...[1, 2, 3].map(() => `server ${key}`),
      `service tcp ${vip}:7`,
      `service tcp ${vip}:8`,
      `service ${key}`,
    ]);
  });

  it('are written into the file, whose other lines stay, and are overrides no longer', async () => {
    const { configFile } = director.weir;
    expect(await weir('overrides', 'write', '--dry-run')).toMatch(
      /^- 14: {7}- \{address: 192\.168\.1\.102\}$/m,
    );
    expect(readFileSync(configFile, 'utf8')).toBe(text(''));
    await weir('overrides', 'write');
    expect(readFileSync(configFile, 'utf8')).toBe(`# The director.
director: {public: eth0, private: eth1}
vips: [{address: ${vip}/24, label: "eth0:0"}]
limits: {connections_ipv4: 4K, connections_ipv6: 1K, half_open: 256, services: 32, servers: 256}

services:
  # The web.
  - protocol: tcp
    address: ${vip}    # the one of the door plate
    port: 80
    scheduler: wrr
    servers:
      - {address: 192.168.1.101, weight: 0, upper_threshold: 50} # the old one
      - {address: 192.168.1.103}

  - protocol: tcp
    address: ${vip}
    port: 8
    scheduler: rr
    servers:
      - {address: 192.168.1.102, port: 7}
`);
    expect(await overrides()).toEqual([]);
    expect(await weir('diff')).toBe('no changes\n');
    expect(await rules()).toEqual(changed);
  });

  it('are dropped by name or all, and by a file that has come to say the same', async () => {
    await director.weir.writeConfig(text(''));
    await weir('reload');
    expect(await ipvsadm('-R', `-a ${second} 1\n-a ${third} 2\n-e ${first} 5\n`)).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Destination already exists\n',
    });
    await weir('overrides', 'drop', '192.168.1.101:80');
    expect((await overrides()).map((one) => ('server' in one ? one.server : ''))).toEqual([
      '192.168.1.103:80',
    ]);
    await director.weir.writeConfig(text('      - {address: 192.168.1.103, weight: 2}\n'));
    await weir('reload');
    expect(await overrides()).toEqual([]);
    expect(daemon.output()).toContain('"override_configured"');
    await director.weir.writeConfig(text(''));
    await weir('reload');
  });

  it('replace all as one plan, and nothing where a rule cannot be', async () => {
    const restored = [`-A -t ${web} -s rr`, `-a ${third} 1`, `-a ${first} 1`];
    const refused = await program(
      'ipvsadm-restore',
      [],
      `${restored.join('\n')}\n-a -t ${web} -r 192.168.1.104:80\n`,
    );
    expect(refused).toMatchObject({ code: 255, stderr: expect.stringContaining('dataplane: ipvs') });
    expect(await rules()).toEqual(configured);
    expect(await program('ipvsadm-restore', [], `${restored.join('\n')}\n`)).toEqual(done);
    expect(await rules()).toEqual([restored[0], restored[2], restored[1]]);
    expect(await ipvsadm('-C')).toEqual(done);
    expect(await rules()).toEqual(['']);
    await weir('overrides', 'drop', '--all');
    expect(await rules()).toEqual(configured);
    expect(director.errors()).toEqual([]);
  });
});
