import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSmallFiles } from '../../test/support/small-files.ts';
import { parseAddress, parsePrefix } from '../core/address/address.ts';
import type { Vip } from '../core/model/host.ts';
import {
  noOriginals,
  recordedVip,
  recordedWrite,
  withMasquerade,
  withoutVip,
  withSysctl,
  withVip,
} from './originals.ts';
import { deleteOriginals, loadOriginals, originalsPath, saveOriginals } from './originals-file.ts';

const HERE = { boot_id: 'b', network_namespace: '4' };
const VIP: Vip = { address: parseAddress('203.0.113.100')!, length: 24, interface: 'eth0', label: 'eth0:0' };
const FULL = withMasquerade(
  withVip(withSysctl(noOriginals(HERE), 'net.ipv4.ip_forward', { original: '0', ours: ['1'] }), VIP),
  { source: parsePrefix('192.168.1.0/24')!, interface: 'eth0' },
);

describe('recordedWrite', () => {
  it('keeps the first original and knows the value before as ours, should the write not happen', () => {
    const first = recordedWrite(undefined, '0', '1');
    expect(first).toEqual({ original: '0', ours: ['1'] });
    const second = recordedWrite(first, '1', '2');
    expect(second).toEqual({ original: '0', ours: ['1', '2'] });
    expect(recordedWrite(second, '2', '3')).toEqual({ original: '0', ours: ['2', '3'] });
  });

  it('does not take another’s value for ours', () => {
    const entry = recordedWrite(undefined, '0', '1');
    expect(recordedWrite(entry, '7', '1')).toEqual({ original: '0', ours: ['1'] });
  });

  it('remembers what only followed, until it is written itself', () => {
    const followed = recordedWrite(undefined, '0', '1', 'net.ipv4.ip_forward');
    expect(followed.effect_of).toBe('net.ipv4.ip_forward');
    const written = recordedWrite(followed, '1', '0');
    expect(written).toEqual({ original: '0', ours: ['1', '0'] });
    expect(recordedWrite(written, '0', '1', 'net.ipv4.ip_forward').effect_of).toBeUndefined();
  });
});

describe('VIPs in the record', () => {
  it('are known by address, length and interface, whatever the label', () => {
    const { label: _, ...bare } = VIP;
    expect(recordedVip(FULL, bare)).toEqual(VIP);
    expect(withVip(FULL, bare).vips).toEqual([bare]);
    expect(withoutVip(FULL, bare).vips).toEqual([]);
    expect(recordedVip(FULL, { ...VIP, length: 32 })).toBeUndefined();
  });
});

describe('the file', () => {
  let parent: string;
  let stateDir: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'weir-originals-'));
    stateDir = join(parent, 'state');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('comes back as it was saved, for its owner alone, leaving nothing beside it', () => {
    saveOriginals(stateDir, FULL);
    expect(loadOriginals(stateDir, HERE)).toEqual(FULL);
    expect(readdirSync(stateDir)).toEqual(['host.json']);
    expect(statSync(originalsPath(stateDir)).mode & 0o777).toBe(0o600);
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
  });

  it('is not needed for reading, and its absence is no error for deleting', () => {
    expect(loadOriginals(stateDir, HERE)).toEqual(noOriginals(HERE));
    deleteOriginals(stateDir);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('survives a temporary file that a crash left behind', () => {
    saveOriginals(stateDir, noOriginals(HERE));
    const temporary = `${originalsPath(stateDir)}.99999999-0123abcd.tmp`;
    writeFileSync(temporary, '{"version": 1, "sysc');
    chmodSync(temporary, 0o666);
    saveOriginals(stateDir, FULL);
    expect(loadOriginals(stateDir, HERE)).toEqual(FULL);
    expect(readdirSync(stateDir)).toEqual(['host.json']);
    expect(statSync(originalsPath(stateDir)).mode & 0o777).toBe(0o600);
  });

  it('is as it was where the disk is full', () => {
    saveOriginals(stateDir, noOriginals(HERE));
    expect(() => withSmallFiles(100, () => saveOriginals(stateDir, FULL))).toThrow(
      /host\.json: cannot be written, so nothing was changed: EFBIG/,
    );
    expect(loadOriginals(stateDir, HERE)).toEqual(noOriginals(HERE));
  });

  it('is not in the way of what it holds already where the disk is full', () => {
    const second = { ...VIP, address: parseAddress('203.0.113.101')! };
    const record = withSysctl(withVip(FULL, second), 'net.ipv4.conf.eth0.rp_filter', {
      original: '0',
      ours: ['2'],
    });
    saveOriginals(stateDir, record);
    // Somebody has taken the first of each away, and each comes back.
    const again = withMasquerade(
      withVip(withSysctl(record, 'net.ipv4.ip_forward', { original: '0', ours: ['1'] }), VIP),
      FULL.masquerade[0]!,
    );
    withSmallFiles(100, () => saveOriginals(stateDir, again));
    expect(loadOriginals(stateDir, HERE)).toEqual(record);
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, 40)],
    ['empty', () => ''],
    ['of another version', (text: string) => text.replace('"version": 1', '"version": 2')],
    ['with a wrong address', (text: string) => text.replaceAll('203.0.113.100', '203.0.113.256')],
    ['with an unknown field', (text: string) => text.replace('"vips"', '"vipz"')],
  ])('%s is an error that names it, and stays where it is', (_, damage) => {
    saveOriginals(stateDir, FULL);
    const damaged = damage(readFileSync(originalsPath(stateDir), 'utf8'));
    writeFileSync(originalsPath(stateDir), damaged);
    expect(() => loadOriginals(stateDir, HERE)).toThrow(/host\.json: damaged or not Weir's .*move it away/s);
    expect(readFileSync(originalsPath(stateDir), 'utf8')).toBe(damaged);
  });

  it('from before a reboot says nothing, for the reboot undid it all', () => {
    saveOriginals(stateDir, FULL);
    const later = { ...HERE, boot_id: 'c' };
    expect(loadOriginals(stateDir, later)).toEqual(noOriginals(later));
  });

  it('about another network namespace is refused', () => {
    saveOriginals(stateDir, FULL);
    const elsewhere = { ...HERE, network_namespace: '5' };
    expect(() => loadOriginals(stateDir, elsewhere)).toThrow(/about another network namespace/);
  });
});
