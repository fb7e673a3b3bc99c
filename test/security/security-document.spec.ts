/** `SECURITY.md` against the tests that it names, file and name. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const page = readFileSync(new URL('SECURITY.md', ROOT), 'utf8')

interface Claim {
  readonly claim: string
  readonly proofs: readonly { readonly path: string; readonly name: string }[]
}

/** Rows like `| claim | `path` _name_, _name_; `path` _name_ |`. */
const claims: readonly Claim[] = page.split('\n').flatMap((line) => {
  const [, claim = '', proof = ''] = /^\| (.+?) *\| (`test\/.+) \|$/.exec(line) ?? []
  if (proof === '') return []
  return [{ claim, proofs: proof.split('; ').flatMap(proofsIn) }]
})

function proofsIn(text: string): Claim['proofs'] {
  const path = /`(test\/[^`]+)`/.exec(text)?.[1] ?? ''
  return [...text.matchAll(/(?<= )_(.+?)_(?=[, ]|$)/g)].map(([, name = '']) => ({ path, name }))
}

test('each claim names a test', () => {
  expect(claims.length).toBeGreaterThan(35)
  expect(claims.filter(({ proofs }) => proofs.length === 0)).toEqual([])
})

test('each test that is named is there', () => {
  const missing = claims
    .flatMap(({ proofs }) => proofs)
    .filter(({ path, name }) => {
      const file = new URL(path, ROOT)
      return !existsSync(file) || !readFileSync(file, 'utf8').includes(name)
    })
  expect(missing).toEqual([])
})
