import { defineConfig } from 'vitest/config';

/** Unit and property tests lie beside their file; the lab's scenarios in test/ need root and run one at a time. */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,bench,test/support}/**/*.test.ts', 'test/guest/vectors.test.ts'],
          setupFiles: ['test/support/seed.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/{lab,bpf,e2e,guest}/**/*.test.ts'],
          exclude: ['test/guest/vectors.test.ts'],
          setupFiles: ['test/support/seed.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
