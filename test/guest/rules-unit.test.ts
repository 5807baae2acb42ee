/** weir-rules.service under systemd in the guest, whose kernel has the real ip_vs: loads the modules and the rules at boot. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGuest, runInGuest } from '../../src/lab/guest/guest.ts';
import { weirProgram } from '../../src/lab/programs.ts';

const guest = findGuest();
const inside = fileURLToPath(new URL('../../src/lab/systemd/inside.sh', import.meta.url));
const rules = [
  '-A -t 203.0.113.100:80 -s wlc',
  '-a -t 203.0.113.100:80 -r 192.168.1.101:80 -m -w 3',
  '-A -u 203.0.113.100:53 -s mh -b mh-port',
];
/** What this does not ask about, and what takes the guest seconds. An empty file is a masked unit (systemd.unit(5)). */
const masked = [
  ...['systemd-journald.service', 'systemd-journald.socket', 'systemd-journald-dev-log.socket'],
  ...[
    'systemd-journal-flush.service',
    'systemd-tmpfiles-setup.service',
    'systemd-tmpfiles-setup-dev.service',
  ],
  ...['systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service', 'systemd-user-sessions.service'],
  ...['kmod-static-nodes.service', 'systemd-sysusers.service', 'systemd-sysctl.service'],
  ...['systemd-tmpfiles-clean.timer', 'systemd-ask-password-wall.path'],
];

/** Boots systemd in the guest as src/lab/systemd/outside.sh does on a host; the network is the guest's own, and modules may be loaded. */
function job(project: string): string {
  return `
"$weir_tools/bin/busybox" rmmod ip_vs
mkdir -p /sys/fs/cgroup /run/f/root /run/f/seed/etc/systemd/system/weir-rules.service.d
mount -t cgroup2 none /sys/fs/cgroup
: >/run/f/console
cat >/run/f/seed/etc/ipvsadm.rules
for unit in ${masked.join(' ')}; do : >"/run/f/seed/etc/systemd/system/$unit"; done
printf '[Service]\\nStandardError=file:/run/said\\n' >/run/f/seed/etc/systemd/system/weir-rules.service.d/said.conf
unset LD_LIBRARY_PATH
unshare --mount --pid --ipc --uts --cgroup --fork \\
  sh ${inside} machine - /run/f ${project} ${process.execPath} weir-rules.service >/run/pid &
until grep -q '^pid' /run/pid; do sleep 0.1; done
pid=$(sed -n 's/^pid //p' /run/pid)
in_machine() { nsenter --target="$pid" --all -- "$@"; }
until in_machine systemctl is-system-running --wait 2>/dev/null | grep -qx 'running\\|degraded'; do sleep 0.2; done
in_machine systemctl show weir-rules --property=ActiveState,ExecMainStatus
in_machine cat /run/said
LD_LIBRARY_PATH=$weir_tools/lib/x86_64-linux-gnu:$weir_tools/usr/lib/x86_64-linux-gnu ipvsadm -Sn
kill -KILL "$pid"
`;
}

describe.skipIf(guest === undefined)('weir-rules.service', () => {
  let run: string;
  beforeAll(() => {
    run = mkdtempSync(join(tmpdir(), 'weir-guest-test-'));
  });
  afterAll(() => rmSync(run, { recursive: true, force: true }));

  it('loads ip_vs and the rules when the machine boots', { timeout: 200_000 }, async () => {
    const argv = ['sh', '-c', job(dirname(dirname(weirProgram())))];
    const { stdout, stderr } = await runInGuest(guest!, run, {
      argv,
      input: `${rules.join('\n')}\n`,
      timeout: 120,
    });
    expect(stdout, stderr).toBe(['ExecMainStatus=0', 'ActiveState=active', ...rules, ''].join('\n'));
  });
});
