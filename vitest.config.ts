import { defineConfig } from 'vitest/config';

const SETUP = ['test/support/seed.ts'];
/** Everything takes several times as long on a busy machine; no test asserts how long. */
const PATIENCE = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

/**
 * Scenarios that want the machine for themselves: those that put a load on every CPU and count on it, those that
 * look at the host as a whole or at labs which others would tidy away, and those with a rate to keep up.
 */
const ALONE = ['test/bpf/{churn,table}.test.ts', 'test/lab/{lab,flood}.test.ts'];

/**
 * Unit and property tests lie beside their file; the scenarios in test/ need root. Each of these has namespaces, pins
 * and directories of its own and waits more than it works, so three run at a time; those in ALONE come last, one by one.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,bench,test/support}/**/*.test.ts', 'test/guest/vectors.test.ts'],
          setupFiles: SETUP,
          ...PATIENCE,
          // No module has a state of its own, so files need not read all of them anew: that was half of their time.
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/{lab,bpf,e2e,guest}/**/*.test.ts'],
          exclude: ['test/guest/vectors.test.ts', ...ALONE],
          setupFiles: SETUP,
          globalSetup: 'test/support/mount-bpffs.ts',
          ...PATIENCE,
          // One more than the CPUs of a small machine, of which each waits a good part of its time.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE,
          setupFiles: SETUP,
          globalSetup: 'test/support/mount-bpffs.ts',
          ...PATIENCE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
