// Two workers at most: the machines this runs on have two cores, and each worker may hold a model.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-postgres.ts'],
    setupFiles: ['test/support/fixed-seed.ts'],
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    pool: 'forks',
    // see boot.mjs: without it V8 ends a process of tests with SIGSEGV now and then
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
