import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.spec.ts'],
    setupFiles: ['reflect-metadata'],
    reporters: ['dot', './test/support/fact-reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
