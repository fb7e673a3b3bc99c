import { accessSync, constants } from 'node:fs'
import { expect, test } from 'vitest'

test('a build leaves the command line executable', () => {
  const bin = new URL('../../dist/cli/main.js', import.meta.url)
  expect(() => accessSync(bin, constants.X_OK)).not.toThrow()
})
