import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceWith } from '../../test/contract/conversation.ts';
import { DEFAULT_LIMITS } from '../core/model/config.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { EMPTY_STATE } from '../core/plan/states.ts';
import { openRecord } from '../dataplane/ipvs/open.ts';
import type { KernelPlane } from '../dataplane/port.ts';
import { type DataplaneFile, dataplaneFile } from './dataplane-file.ts';
import { ipvsRecordDir, openPlanes } from './open-plane.ts';
import { Planes } from './planes.ts';

/** What the kernel has: which planes are there, which of them takes new connections, and how many each has. */
interface Kernel {
  readonly there: Set<PlaneKind>;
  readonly takes: Set<PlaneKind>;
  readonly left: Record<PlaneKind, number>;
  /** Clients that the plane which leads remembers; it forgets them when it yields. */
  remembered: number;
  /** Each thing that was done, in order; throws where the test wants the daemon to be killed. */
  did(what: string): void;
}

/** A plane that does nothing but keep account in the kernel above. */
function fakePlane(kind: PlaneKind, kernel: Kernel): KernelPlane {
  kernel.there.add(kind);
  const does = (what: string): void => kernel.did(`${kind} ${what}`);
  const nothing = () => ({ walked: 0, expired: 0, completed: true, differences: [] });
  return {
    kind,
    description: kind,
    kernelMemory: 1,
    handover: {
      wait: () => does('waits'),
      lead: () => {
        does('leads');
        kernel.takes.add(kind);
      },
      yield: () => {
        does('yields');
        kernel.takes.delete(kind);
        kernel.remembered = 0;
      },
      alone: () => does('is alone'),
      adopt: async (connections) => {
        does('adopts');
        let left = 0;
        for await (const chunk of connections) left += chunk.length;
        const { remembered } = kernel;
        return {
          ...{ connections: 0, left },
          ...(kind === 'bpf'
            ? { templates: remembered, forgotten: 0 }
            : { templates: 0, forgotten: remembered }),
        };
      },
      async *own() {
        yield Array.from({ length: kernel.left[kind] }, () => ({}) as never);
      },
    },
    observe: () => EMPTY_STATE,
    publishService: () => does('publishes'),
    removeService: () => {},
    setForwarding: () => {},
    attach: () => {},
    detach: () => {},
    counters: () => [],
    verdicts: () => ({}),
    async *connections() {},
    sweep: nothing,
    close: () => {},
    destroy: () => {
      does('is removed');
      kernel.there.delete(kind);
      kernel.takes.delete(kind);
    },
    routesChanged: () => {},
    succeed: () => [],
    retiring: () => [],
    retireSlice: () => ({ completed: true, retired: [] }),
  };
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-planes-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A kernel in which one plane directs. `killAt` is the number of the deed at which the daemon ends. */
function kernelWith(
  first: PlaneKind,
  killAt = Number.POSITIVE_INFINITY,
): Kernel & { readonly done: string[] } {
  const done: string[] = [];
  return {
    done,
    there: new Set([first]),
    takes: new Set([first]),
    left: { bpf: 0, ipvs: 0 },
    remembered: 0,
    did(what) {
      if (done.length >= killAt) throw new Error('killed');
      done.push(what);
    },
  };
}

/** The file, whose writes are deeds as well. */
function fileOf(kernel: Kernel): DataplaneFile {
  const file = dataplaneFile(directory);
  return {
    load: file.load,
    save: (record) => {
      kernel.did(`keeps ${record.migration?.phase ?? 'no migration'}`);
      file.save(record);
    },
  };
}

const planesOf = (kernel: Kernel, first: PlaneKind): Planes =>
  new Planes({
    lead: fakePlane(first, kernel),
    file: fileOf(kernel),
    record: {},
    open: (kind) => fakePlane(kind, kernel),
    settleMs: 0,
  });

const LATER = '2100-01-01T00:00:00.000Z';

describe('a migration', () => {
  it('adopts before the new plane leads, and keeps that it does before it does', async () => {
    const kernel = kernelWith('ipvs');
    const planes = planesOf(kernel, 'ipvs');
    planes.begin('bpf', LATER);
    expect([planes.kind, planes.beside, planes.migration]).toEqual(['bpf', 'ipvs', undefined]);
    kernel.left.ipvs = 2;
    await planes.turn('ipvs');
    expect(kernel.done).toEqual([
      ...['keeps preparing', 'bpf waits', 'bpf adopts', 'keeps switched'],
      ...['bpf leads', 'ipvs yields', 'bpf adopts'],
    ]);
    expect(planes.migration).toMatchObject({ from: 'ipvs', to: 'bpf', until: LATER, connections: 2 });
    expect(dataplaneFile(directory).load()).toMatchObject({
      chosen: { plane: 'bpf' },
      migration: { from: 'ipvs' },
    });
  });

  it('says of how many clients the new plane has heard, though the old one forgets them', async () => {
    for (const [from, to] of [
      ['ipvs', 'bpf'],
      ['bpf', 'ipvs'],
    ] as const) {
      const kernel = kernelWith(from);
      const planes = planesOf(kernel, from);
      planes.begin(to, LATER);
      kernel.remembered = 6;
      expect(await planes.turn()).toMatchObject(
        to === 'bpf' ? { templates: 6, forgotten: 0 } : { templates: 0, forgotten: 6 },
      );
    }
  });

  it('chooses nothing over a configuration that leads to the same plane', async () => {
    const planes = planesOf(kernelWith('ipvs'), 'ipvs');
    planes.begin('bpf', LATER);
    await planes.turn('auto');
    expect(planes.chosen).toBeUndefined();
  });

  it('chooses nothing any more once the configuration asks for the same plane', async () => {
    const planes = planesOf(kernelWith('bpf'), 'bpf');
    planes.begin('ipvs', LATER);
    await planes.turn();
    expect(planes.configured('auto')).toBe(false);
    expect(planes.chosen).toMatchObject({ plane: 'ipvs' });
    expect(planes.configured('ipvs')).toBe(true);
    expect([planes.chosen, planes.migration?.from]).toEqual([undefined, 'bpf']);
    expect(dataplaneFile(directory).load()).toMatchObject({ migration: { from: 'bpf', phase: 'switched' } });
    expect(dataplaneFile(directory).load().chosen).toBeUndefined();
    expect(planes.configured('ipvs')).toBe(false);
  });

  it('ends once the old plane has nothing, and then that one is gone', async () => {
    const kernel = kernelWith('bpf');
    const planes = planesOf(kernel, 'bpf');
    planes.begin('ipvs', LATER);
    kernel.left.bpf = 1;
    await planes.turn();
    expect(await planes.follow()).toBeUndefined();
    expect(kernel.there).toEqual(new Set(['bpf', 'ipvs']));
    kernel.left.bpf = 0;
    let end = await planes.follow();
    // Counted just now: it is counted again after a while.
    while (end === undefined) end = await planes.follow();
    expect(end).toEqual({ from: 'bpf', why: 'empty', connections: 0 });
    expect(kernel.there).toEqual(new Set(['ipvs']));
    expect(dataplaneFile(directory).load()).toMatchObject({ chosen: { plane: 'ipvs' } });
    expect(dataplaneFile(directory).load().migration).toBeUndefined();
  });

  it('ends at its deadline, whatever the old plane has', async () => {
    const kernel = kernelWith('bpf');
    const planes = planesOf(kernel, 'bpf');
    planes.begin('ipvs', '2020-01-01T00:00:00.000Z');
    kernel.left.bpf = 3;
    await planes.turn();
    expect(await planes.follow()).toEqual({ from: 'bpf', why: 'deadline', connections: 3 });
    expect(kernel.there).toEqual(new Set(['ipvs']));
  });

  it('that is given up leaves the old plane as it was, and nothing of the new one', () => {
    const kernel = kernelWith('bpf');
    const planes = planesOf(kernel, 'bpf');
    planes.begin('ipvs', LATER);
    planes.abort();
    expect([planes.kind, planes.beside]).toEqual(['bpf', undefined]);
    expect([kernel.there, kernel.takes]).toEqual([new Set(['bpf']), new Set(['bpf'])]);
    expect(dataplaneFile(directory).load()).toEqual({});
  });

  it('goes back in the middle, and on again when the way back fails', async () => {
    const kernel = kernelWith('bpf');
    const planes = planesOf(kernel, 'bpf');
    planes.begin('ipvs', LATER);
    await planes.turn();
    const before = planes.migration;
    planes.begin('bpf', LATER);
    expect([planes.kind, planes.beside]).toEqual(['bpf', 'ipvs']);
    planes.abort();
    expect(planes.migration).toMatchObject({ from: 'bpf', since: before!.since });
    expect(kernel.takes).toEqual(new Set(['ipvs']));
    planes.begin('bpf', LATER);
    await planes.turn();
    expect(planes.migration).toMatchObject({ from: 'ipvs', to: 'bpf' });
    expect([kernel.takes, kernel.there]).toEqual([new Set(['bpf']), new Set(['bpf', 'ipvs'])]);
  });

  it('that cannot be kept does not begin, or does not turn', async () => {
    const kernel = kernelWith('bpf', 0);
    const planes = planesOf(kernel, 'bpf');
    expect(() => planes.begin('ipvs', LATER)).toThrow('killed');
    expect([planes.kind, planes.beside, kernel.there]).toEqual(['bpf', undefined, new Set(['bpf'])]);
    // keeps preparing, waits, adopts: then the disk is full.
    const later = kernelWith('bpf', 3);
    const others = planesOf(later, 'bpf');
    others.begin('ipvs', LATER);
    await expect(others.turn()).rejects.toThrow('killed');
    expect(later.takes).toEqual(new Set(['bpf']));
  });

  it('has changes of a service followed by the plane that finishes its connections, whatever that one says', async () => {
    const kernel = kernelWith('bpf');
    const planes = planesOf(kernel, 'bpf');
    planes.begin('ipvs', LATER);
    planes.publishService(serviceWith([1]));
    await planes.turn();
    planes.publishService(serviceWith([1]));
    expect(kernel.done.filter((what) => what.endsWith('publishes'))).toEqual([
      ...['ipvs publishes', 'ipvs publishes', 'bpf publishes'],
    ]);
  });
});

describe('a daemon that is killed in the middle', () => {
  /** Opens the planes that the kernel has, as a new daemon does. */
  const start = (kernel: Kernel): Planes => {
    // What tells `openPlanes` which planes are there.
    const pinDir = join(directory, 'pins');
    rmSync(pinDir, { recursive: true, force: true });
    rmSync(ipvsRecordDir(directory), { recursive: true, force: true });
    if (kernel.there.has('bpf')) {
      mkdirSync(join(pinDir, 'layout'), { recursive: true });
      writeFileSync(join(pinDir, 'layout/settings'), '');
    }
    if (kernel.there.has('ipvs')) {
      const record = openRecord(ipvsRecordDir(directory));
      record.publish(serviceWith([1]));
      record.close();
    }
    const config = { dataplane: 'auto', limits: DEFAULT_LIMITS, attach: 'auto' } as const;
    const objectFile = () => '';
    return openPlanes(
      { config, pinDir, stateDir: directory, objectFile },
      () => {},
      ({ config: { dataplane } }) =>
        fakePlane(dataplane === 'auto' ? ([...kernel.there][0] ?? 'bpf') : dataplane, kernel),
    ).planes;
  };

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'after %i deeds finds what it was at, and one plane alone leads',
    async (deeds) => {
      const kernel = kernelWith('bpf', deeds);
      const planes = planesOf(kernel, 'bpf');
      const isWhole = await (async () => {
        planes.begin('ipvs', LATER);
        await planes.turn();
      })().then(
        () => true,
        () => false,
      );
      const { migration } = dataplaneFile(directory).load();
      const after = kernelWith('bpf');
      for (const one of kernel.takes) after.takes.add(one);
      if (!kernel.takes.has('bpf')) after.takes.delete('bpf');
      for (const one of kernel.there) after.there.add(one);
      // Without the removal of what the fake has not in the kernel.
      if (migration?.phase === 'preparing') after.there.delete('ipvs');
      const found = start(after);
      await found.resume();
      expect(after.takes).toEqual(new Set([found.kind]));
      expect(found.kind).toBe(migration?.phase === 'switched' ? 'ipvs' : 'bpf');
      expect(found.beside).toBe(migration?.phase === 'switched' ? 'bpf' : undefined);
      if (isWhole) expect(deeds).toBeGreaterThanOrEqual(6);
    },
  );

  it('finds a plane that was taken down meanwhile gone, and the migration over', () => {
    dataplaneFile(directory).save({
      chosen: { plane: 'ipvs', since: LATER },
      migration: { from: 'bpf', since: LATER, until: LATER, phase: 'switched' },
    });
    const found = start(kernelWith('ipvs'));
    expect([found.kind, found.beside, found.migration]).toEqual(['ipvs', undefined, undefined]);
  });

  it('does not start on a damaged file, and says so', () => {
    writeFileSync(join(directory, 'dataplane.json'), '{"version": 1, "chosen": {"plane": "xdp"}}');
    expect(() => start(kernelWith('bpf'))).toThrow(/dataplane\.json is damaged.*weir down/);
  });
});
