/** Links between the pages: the file that one names is there, and so is the heading behind `#`. Addresses of the web are not asked. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../', import.meta.url)
const docs = readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' })
const pages = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...docs.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`),
]

/** Without examples: what is between fences is no link and no heading, however it looks. */
const proseOf = (page: URL): string => readFileSync(page, 'utf8').replaceAll(/^ *```.*?^ *```$/gms, '')

/** As GitHub makes them: a heading that comes again gets a number. */
function anchorsOf(page: URL): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const text = heading.replaceAll(/\]\([^)]*\)/g, '').toLowerCase()
    const anchor = text.replaceAll(/[^\p{L}\p{N}\- _]/gu, '').replaceAll(' ', '-')
    let again = 0
    while (anchors.has(again === 0 ? anchor : `${anchor}-${again}`)) again += 1
    anchors.add(again === 0 ? anchor : `${anchor}-${again}`)
  }
  return anchors
}

const linksOf = (page: URL): readonly string[] =>
  Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)

function isBroken(target: string, page: URL): boolean {
  if (/^[a-z]+:/.test(target)) return false
  const url = new URL(target, page)
  const anchor = decodeURIComponent(url.hash.slice(1))
  url.hash = ''
  if (!existsSync(url)) return true
  return anchor !== '' && !anchorsOf(url).has(anchor)
}

test('pages link to each other', () => {
  expect(pages.flatMap((path) => linksOf(new URL(path, ROOT))).length).toBeGreaterThan(100)
})

test.each(pages)('each link of %s leads somewhere', (path) => {
  const page = new URL(path, ROOT)
  expect(linksOf(page).filter((target) => isBroken(target, page))).toEqual([])
})
