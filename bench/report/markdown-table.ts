/** Markdown tables of rows and of ratios. What is missing is a dash, never a guess. */
import type { Row } from '../suite.js'

export type Cell = string | number | undefined

const MISSING = '–'
const numbers = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 })

export const formatCell = (cell: Cell): string =>
  cell === undefined ? MISSING : typeof cell === 'number' ? numbers.format(cell) : cell.replaceAll('|', '\\|')

/** The first columns, one unless told, hold words; the others are aligned as numbers. */
export function markdownTable(columns: readonly string[], lines: readonly (readonly Cell[])[], ofWords = 1): string {
  const rule = columns.map((_, at) => (at < ofWords ? '---' : '---:'))
  return [columns, rule, ...lines.map((line) => line.map(formatCell))]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n')
}

interface Kind {
  readonly params: string
  readonly figures: string[]
  readonly columns: string[]
  readonly rows: Row[]
}

/** One table for each kind of row: same params, and the figures of one among those of the other. */
export function rowTables(rows: readonly Row[]): string[] {
  const kinds: Kind[] = []
  for (const row of rows) {
    const figures = Object.keys(row).filter((column) => typeof row[column] === 'number')
    const params = paramsOf(row).join()
    const isSame = (kind: Kind): boolean =>
      kind.params === params && (isWithin(figures, kind.figures) || isWithin(kind.figures, figures))
    const kind = kinds.find(isSame) ?? { params, figures: [], columns: [], rows: [] }
    if (kind.rows.length === 0) kinds.push(kind)
    kind.rows.push(row)
    addNew(kind.figures, figures)
    addNew(kind.columns, Object.keys(row))
  }
  return kinds.map((kind) => rowTable(kind.columns, kind.rows))
}

/** The numbers between the name and the first figure that has a spread. */
function paramsOf(row: Row): string[] {
  const columns = Object.keys(row).slice(1)
  const end = columns.findIndex((column) => typeof row[column] !== 'number' || `${column}Min` in row)
  return end < 0 ? columns : columns.slice(0, end)
}

function addNew(list: string[], more: readonly string[]): void {
  for (const each of more) if (!list.includes(each)) list.push(each)
}

const isWithin = (few: readonly string[], many: readonly string[]): boolean => few.every((each) => many.includes(each))

/** `<figure>Min` and `<figure>Max` are told in the cell of the figure. */
function rowTable(columns: readonly string[], rows: readonly Row[]): string {
  const spreads = columns.flatMap((column) => {
    const ends = [`${column}Min`, `${column}Max`]
    return isWithin(ends, columns) ? ends : []
  })
  const shown = columns.filter((column) => !spreads.includes(column))
  const lines = rows.map((row) => shown.map((column) => withSpread(row, column)))
  return markdownTable(shown, lines)
}

function withSpread(row: Row, column: string): Cell {
  const [figure, least, most] = [row[column], row[`${column}Min`], row[`${column}Max`]]
  if (least === undefined || most === undefined || least === most) return figure
  return `${formatCell(figure)} (${formatCell(least)} to ${formatCell(most)})`
}

/** A line for each figure and rival, a column for each param; keys are `<figure>/<rival>@<param>`. None without ratios. */
export function ratioTables(ratios: Readonly<Record<string, number | null>>): string[] {
  const lines = new Map<string, { readonly start: readonly string[]; readonly byParam: Map<string, number> }>()
  const params = new Set<string>()
  for (const [key, ratio] of Object.entries(ratios)) {
    const [, figure, rival, param] = /^([^/]+)\/(.+)@([^@]+)$/.exec(key) ?? []
    if (ratio === null || figure === undefined || rival === undefined || param === undefined) continue
    const line = lines.get(`${figure}/${rival}`) ?? { start: [figure, rival], byParam: new Map<string, number>() }
    lines.set(`${figure}/${rival}`, line)
    line.byParam.set(param, ratio)
    params.add(param)
  }
  if (lines.size === 0) return []
  const cells = [...lines.values()].map(({ start, byParam }) => [
    ...start,
    ...[...params].map((param) => byParam.get(param)),
  ])
  return [markdownTable(['ours ÷ theirs', 'of', ...params], cells, 2)]
}
