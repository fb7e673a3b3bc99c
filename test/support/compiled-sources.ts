/** `src`, and more if asked, as JavaScript, for processes of their own: `dist` may be old, and child processes have no vitest around them. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  isolatedModules: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
}

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
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  const sources = (await Promise.all(['src', ...others].map(sourcesIn))).flat()
  await Promise.all(sources.map((file) => compile(join(ROOT, file), join(root, file))))
  return { folder: join(root, 'src'), root, remove: () => rm(root, { recursive: true }) }
}

async function sourcesIn(folder: string): Promise<string[]> {
  const files = await readdir(join(ROOT, folder), { recursive: true })
  return files.filter((file) => /(?<!\.d)\.ts$/.test(file)).map((file) => join(folder, file))
}

async function compile(source: string, target: string): Promise<void> {
  const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), { compilerOptions, fileName: source })
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target.replace(/\.ts$/, '.js'), outputText)
}
