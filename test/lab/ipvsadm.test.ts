/** ipvsadm on a director of Weir's own plane: what it lists is what packets have done. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;

describe('ipvsadm on the eBPF plane', () => {
  let director: DirectorLab;
  let client: LabClient;
  const ipvsadm = (...words: string[]) => {
    const { lab } = director;
    return lab.exec(lab.director, [
      ...['env', `WEIR_RUN_DIR=${lab.runDir}`],
      ...[process.execPath, 'dist/ipvsadm.js', ...words],
    ]);
  };

  beforeAll(async () => {
    director = await directorLab();
    client = labClient(director.lab, director.lab.clients[0]!);
    const rr = { protocol: 'tcp', address: vip, scheduler: 'rr' } as const;
    await director.write(draft([{ ...rr, port: 7, servers: serversOn(director.lab.servers, 7, [1, 2, 0]) }]));
    await director.start();
  });
  afterAll(() => director?.close());

  it('lists services, servers and connections', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 4 });
    const { code, stdout } = await ipvsadm('-Ln');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual([
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      `TCP  ${vip}:7 rr`,
      '  -> 192.168.1.101:7              Masq    1      2          0         ',
      '  -> 192.168.1.102:7              Masq    2      2          0         ',
      '  -> 192.168.1.103:7              Masq    0      0          0         ',
      '',
    ]);
    expect((await ipvsadm('-Lnc')).stdout.split('\n')[2]).toMatch(
      /^TCP \d\d:\d\d {2}ESTABLISHED \S+ +203\.0\.113\.100:7 +192\.168\.1\.10[12]:7$/,
    );
    await held.close();
  });

  it('counts and sets to zero', async () => {
    expect((await ipvsadm('-Ln', '--stats')).stdout).toMatch(/^TCP {2}\S+ +4 +\d+ +\d+ +\d+ +\d+$/m);
    expect((await ipvsadm('-Z')).code).toBe(0);
    expect((await ipvsadm('-Ln', '--stats')).stdout).toMatch(/^TCP {2}\S+ +0 /m);
  });

  it('saves rules that say what the configuration says', async () => {
    expect((await ipvsadm('-Sn')).stdout).toBe(
      `-A -t ${vip}:7 -s rr\n` +
        [1, 2, 0].map((weight, i) => `-a -t ${vip}:7 -r 192.168.1.10${i + 1}:7 -m -w ${weight}\n`).join(''),
    );
  });

  it('says that rules could not be written, and leaves the old file, where the disk is full', async () => {
    const { lab } = director;
    // In a mount namespace of its own, which takes the disk with it.
    const script = `
      mount -t tmpfs -o size=8k none /mnt && cd /mnt && echo old > rules && head -c 4096 /dev/zero > rest
      cd "$OLDPWD" && "$@" /mnt/rules; code=$?; cat /mnt/rules; ls /mnt; exit $code`;
    const save = [process.execPath, 'dist/weir.js', '--run-dir', lab.runDir, 'save'];
    const full = await lab.exec(lab.director, ['unshare', '-m', 'sh', '-c', script, 'sh', ...save]);
    expect(full).toMatchObject({ code: 1, stdout: 'old\nrest\nrules\n' });
    expect(full.stderr).toMatch(
      /^weir: time-outs are left out.*\nweir: \/mnt\/rules cannot be written, and is as it was: ENOSPC/,
    );
    const printed = ['sh', '-c', `WEIR_RUN_DIR=${lab.runDir} "$0" dist/ipvsadm-save.js > /dev/full`];
    const nowhere = await lab.exec(lab.director, [...printed, process.execPath]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toMatch(/^ipvsadm-save: standard output cannot be written: ENOSPC.*\n$/);
  });

  it('refuses what this plane has not, and says what it has instead', async () => {
    const refused = await ipvsadm('--set', '100', '0', '0');
    expect(refused).toMatchObject({ code: 255, stdout: '' });
    expect(refused.stderr).toContain(director.weir.configFile);
    expect((await ipvsadm('--start-daemon', 'master')).stderr).toContain('dataplane: ipvs');
  });
});
