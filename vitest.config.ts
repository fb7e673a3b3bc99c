import { defineConfig } from 'vitest/config'

const source = (path: string): string => `${import.meta.dirname}/${path}`

export default defineConfig({
  // The examples import the package by its name; their tests run against the sources.
  resolve: {
    alias: [
      { find: /^nestwire$/, replacement: source('src/index.ts') },
      { find: /^nestwire\/server$/, replacement: source('src/embedded.ts') },
      { find: /^nestwire\/(client|protocol)$/, replacement: source('src/$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.spec.ts'],
    setupFiles: ['reflect-metadata'],
    reporters: ['dot', './test/support/fact-reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A poll ends as soon as it can; the bound is for a machine that does something else meanwhile.
    expect: { poll: { timeout: 10_000 } },
  },
})
