/** `src`, and more if asked, as JavaScript, for processes of their own: `dist` may be old, and child processes have no vitest around them. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithOxc } from 'vite'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** By the translator of vitest itself: each spec that needs `src` asks anew, and TypeScript takes 4 s for it. */
const options: Parameters<typeof transformWithOxc>[2] = {
  tsconfig: false,
  target: 'es2023',
  sourcemap: false,
  decorator: { legacy: true, emitDecoratorMetadata: true },
  helpers: { mode: 'External' },
}
const PACKAGE = { type: 'module', imports: { '#helpers': './helpers.js' } }
/** What decorated classes call. */
const HELPERS =
  "export { __decorate as decorate, __metadata as decorateMetadata, __param as decorateParam } from 'tslib'"
/** On the first line of what needs it, so that lines of errors stay. */
const WITH_HELPERS = "import * as babelHelpers from '#helpers';"

export interface CompiledSources {
  /** Where `src` would be. */
  readonly folder: string
  /** Where the repository would be. */
  readonly root: string
  readonly remove: () => Promise<void>
}

/** Files are translated one by one and not checked. `others`: folders beside `src`. */
export async function compileSources(...others: readonly string[]): Promise<CompiledSources> {
  const root = await mkdtemp(join(tmpdir(), 'nestwire-src-'))
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  await writeFile(join(root, 'package.json'), JSON.stringify(PACKAGE))
  await writeFile(join(root, 'helpers.js'), HELPERS)
  const sources = (await Promise.all(['src', ...others].map(sourcesIn))).flat()
  await Promise.all(sources.map((file) => compile(join(ROOT, file), join(root, file))))
  return { folder: join(root, 'src'), root, remove: () => rm(root, { recursive: true }) }
}

async function sourcesIn(folder: string): Promise<string[]> {
  const files = await readdir(join(ROOT, folder), { recursive: true })
  return files.filter((file) => /(?<!\.d)\.ts$/.test(file)).map((file) => join(folder, file))
}

async function compile(source: string, target: string): Promise<void> {
  const { code, helpersUsed } = await transformWithOxc(await readFile(source, 'utf8'), source, options)
  await mkdir(dirname(target), { recursive: true })
  const head = Object.keys(helpersUsed).length > 0 ? WITH_HELPERS : ''
  await writeFile(target.replace(/\.ts$/, '.js'), head + code)
}
