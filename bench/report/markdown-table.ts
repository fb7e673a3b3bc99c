/** Markdown tables of rows and of ratios. What is missing is a dash, never a guess. */
import type { Row } from '../suite.js'

export type Cell = string | number | undefined

const MISSING = '–'
const numbers = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 })

export const formatCell = (cell: Cell): string =>
  cell === undefined ? MISSING : typeof cell === 'number' ? numbers.format(cell) : cell.replaceAll('|', '\\|')

/** Columns to the right of the first are aligned as numbers. */
export function markdownTable(columns: readonly string[], lines: readonly (readonly Cell[])[]): string {
  const rule = columns.map((_, at) => (at === 0 ? '---' : '---:'))
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

/** One table a figure: a line for each rival, a column for each param. Keys are `<figure>/<rival>@<param>`. */
export function ratioTables(ratios: Readonly<Record<string, number | null>>): string[] {
  const figures = new Map<string, Map<string, Map<string, number>>>()
  for (const [key, ratio] of Object.entries(ratios)) {
    const [, figure = '', rival = '', param = ''] = /^([^/]+)\/(.+)@([^@]+)$/.exec(key) ?? []
    if (ratio === null || figure === '') continue
    const rivals = figures.get(figure) ?? new Map<string, Map<string, number>>()
    figures.set(figure, rivals.set(rival, (rivals.get(rival) ?? new Map<string, number>()).set(param, ratio)))
  }
  return [...figures].map(([figure, rivals]) => {
    const params = [...new Set([...rivals.values()].flatMap((ofRival) => [...ofRival.keys()]))]
    const lines = [...rivals].map(([rival, ofRival]) => [rival, ...params.map((param) => ofRival.get(param))])
    return markdownTable([`${figure}, ours ÷ theirs`, ...params], lines)
  })
}
