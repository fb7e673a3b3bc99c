/** `docs/GUARANTEES.md` against the tests that it names. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const ROOT = new URL('../', import.meta.url)
const page = readFileSync(new URL('docs/GUARANTEES.md', ROOT), 'utf8')
const sections = page.split(/^## /m).slice(1)
const testsIn = (text: string): readonly string[] =>
  [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '')

describe('the page of guarantees', () => {
  test('numbers seven', () => {
    const numbers = sections.flatMap((section) => /^(\d+)\. /.exec(section)?.[1] ?? [])
    expect(numbers.map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test.each(sections.filter((section) => /^\d/.test(section)).map((section) => [section.split('\n')[0], section]))(
    'says it in one sentence and names a proof: %s',
    (_, section) => {
      expect(section).toMatch(/\*\*[^*]+\*\*/)
      expect(testsIn(section.slice(section.indexOf('Proof:'))).length).toBeGreaterThan(0)
    },
  )

  test('tells in how many of the saved attacks the honest waited too long', () => {
    const results = readFileSync(new URL('docs/hostile/results.txt', ROOT), 'utf8')
    const attacks = results.match(/^(?!control).+: p99 .+ MB/gm) ?? []
    const missed = results.match(/^ +WRONG the honest waited/gm) ?? []
    expect(page).toContain(`in ${missed.length} of ${attacks.length} attacks`)
  })

  test('names only tests that there are', () => {
    expect(testsIn(page).filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([])
  })
})
