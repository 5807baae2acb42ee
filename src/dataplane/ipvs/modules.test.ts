import { expect, it } from 'vitest';
import { KernelError } from '../../kernel/errors.ts';
import { openModules } from './modules.ts';

/** A kernel that has some schedulers, and may come to have others. */
function kernel() {
  const state = { now: 0, stamp: 'as installed', loadable: new Set<string>() };
  const [tried, asked]: [string[], string[]] = [[], []];
  const loaded = new Set<string>();
  const withModules = openModules({
    now: () => state.now,
    stamp: () => state.stamp,
    load: (module) => {
      tried.push(module);
      if (!state.loadable.has(module)) return `Module ${module} not found`;
      loaded.add(module);
      return undefined;
    },
  });
  const publish = (scheduler: string, pe?: string) =>
    withModules({ scheduler, ...(pe !== undefined && { pe }) }, () => {
      asked.push(scheduler);
      if (!loaded.has(`ip_vs_${scheduler}`)) throw new KernelError('add a service', 2);
      if (pe !== undefined && !loaded.has(`ip_vs_pe_${pe}`)) throw new KernelError('add a service', 2);
    });
  return { state, tried, asked, publish };
}

const NONE = "this kernel's ip_vs has no scheduler mh: Module ip_vs_mh not found";

it('tries a module once for all services and looks, then after pauses that grow, and says why all the while', () => {
  const { state, tried, asked, publish } = kernel();
  const tries: number[] = [];
  for (; state.now < 3_600_000; state.now += 5_000) {
    const before = tried.length;
    for (let service = 0; service < 3; service++) expect(() => publish('mh')).toThrow(NONE);
    if (tried.length > before) tries.push(state.now / 1000);
  }
  expect(tries).toEqual([0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030]);
  expect(tried).toHaveLength(tries.length);
  // Not asked either: the kernel itself would start modprobe.
  expect(asked).toHaveLength(tries.length);
});

it('tries again at once when the kernel has other modules, and another module at any time', () => {
  const { state, tried, publish } = kernel();
  expect(() => publish('mh')).toThrow(NONE);
  state.loadable = new Set(['ip_vs_mh', 'ip_vs_wrr']);
  publish('wrr');
  expect(() => publish('mh')).toThrow(NONE);
  state.now += 1_000;
  state.stamp = 'installed anew';
  publish('mh');
  publish('mh');
  expect(tried).toEqual(['ip_vs_mh', 'ip_vs_wrr', 'ip_vs_mh']);
});

it('names the engine where that is missing, and what is loaded to no purpose', () => {
  const { state, tried, publish } = kernel();
  state.loadable.add('ip_vs_rr');
  const why = "this kernel's ip_vs has no persistence engine sip: Module ip_vs_pe_sip not found";
  expect(() => publish('rr', 'sip')).toThrow(why);
  expect(() => publish('rr', 'sip')).toThrow(why);
  expect(tried).toEqual(['ip_vs_rr', 'ip_vs_pe_sip']);
  const idle = openModules({ load: () => undefined, stamp: () => '', now: () => 0 });
  const refuse = () => {
    throw new KernelError('add a service', 2);
  };
  expect(() => idle({ scheduler: 'rr' }, refuse)).toThrow('ip_vs_rr was loaded, and ip_vs does not find it');
  const denied = new KernelError('add a service', 1);
  expect(() =>
    openModules()({ scheduler: 'rr' }, () => {
      throw denied;
    }),
  ).toThrow(denied);
});
