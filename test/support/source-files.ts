/** The source of the product as a reader of imports sees it. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

export interface SourceFile {
  /** Below `src`, with slashes: `protocol/ids.ts`. */
  readonly path: string
  readonly lines: number
  readonly tree: ts.SourceFile
  /** Files of ours that it imports, types and dynamic imports included; paths as above. */
  readonly files: readonly string[]
  /** `node:` modules and packages (`@nestjs/common`, not what is inside) that it imports. */
  readonly packages: readonly string[]
}

export function readSources(): readonly SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .map(readSource)
}

export function nodesOf(tree: ts.SourceFile): readonly ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return nodes
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), 'utf8')
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const specifiers = nodesOf(tree).flatMap(specifierOf)
  return {
    path,
    lines: text.split('\n').length - 1,
    tree,
    files: specifiers.filter(isOurs).map((specifier) => resolve(path, specifier)),
    packages: specifiers.filter((specifier) => !isOurs(specifier)).map(packageOf),
  }
}

const isOurs = (specifier: string): boolean => specifier.startsWith('.')
const resolve = (from: string, specifier: string): string =>
  normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts')
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** `import … from 'x'`, `export … from 'x'` and `import('x')`. */
function specifierOf(node: ts.Node): readonly string[] {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier)
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  return isDynamic ? textOf(node.arguments[0]) : []
}

const textOf = (node: ts.Node | undefined): readonly string[] =>
  node !== undefined && ts.isStringLiteral(node) ? [node.text] : []
