import { defineConfig } from 'vitest/config';

/** Lets `import 'evenkeel'` mean the sources, so that no test depends on a build. */
const conditions = ['@evenkeel/source'];

export default defineConfig({
  test: {
    projects: [{
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: {
        name: 'evenkeel',
        root: 'packages/evenkeel',
        include: ['test/**/*.test.ts'],
        pool: 'forks',
        execArgv: [`--conditions=${conditions[0]}`],
        testTimeout: 30_000,
        hookTimeout: 60_000,
      },
    }],
  },
});
