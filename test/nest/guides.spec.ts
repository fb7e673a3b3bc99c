import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const folder = new URL('../../docs/nest/', import.meta.url)
const guides = readdirSync(folder).filter((name) => name.endsWith('.md'))
const readme = new URL('../../README.md', import.meta.url)

/** `#in-which-order` for `### In which order`, as repositories on the web make it. */
const anchorsOf = (markdown: string): readonly string[] =>
  Array.from(
    markdown.matchAll(/^#+ (.+)$/gm),
    ([, title = '']) =>
      `#${title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-')}`,
  )

function brokenLinks(page: URL): readonly string[] {
  const links = Array.from(readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)]*)?\)/g))
  return links
    .filter(([, path = '', anchor]) => {
      const target = path === '' ? page : new URL(path, page)
      if (!existsSync(target)) return true
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
    })
    .map(([link]) => link)
}

test.each(guides)('every link of %s leads somewhere', (name) => {
  expect(brokenLinks(new URL(name, folder))).toEqual([])
})

test('the README names every guide, and its links lead somewhere', () => {
  const text = readFileSync(readme, 'utf8')
  expect(guides.filter((name) => !text.includes(`docs/nest/${name}`))).toEqual([])
  expect(brokenLinks(readme)).toEqual([])
})
