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

interface RatioLine {
  readonly figure: string
  readonly rival: string
  readonly byParam: Map<string, number>
}

/**
 * A line for each figure and rival, a column for each value of its param; one table for each param, since 1,000 in flight
 * and 1,000 a second are not the same. Keys are `<figure>/<rival>@<value>`. None without ratios.
 */
export function ratioTables(ratios: Readonly<Record<string, number | null>>, rows: readonly Row[]): string[] {
  const kinds = new Map<string, RatioLine[]>()
  for (const line of ratioLines(ratios)) {
    for (const [param, part] of partsOf(line, rows)) kinds.set(param, [...(kinds.get(param) ?? []), part])
  }
  return [...kinds].map(([param, lines]) => ratioTable(param, lines))
}

function ratioLines(ratios: Readonly<Record<string, number | null>>): RatioLine[] {
  const lines = new Map<string, RatioLine>()
  for (const [key, ratio] of Object.entries(ratios)) {
    const [, figure, rival, param] = /^([^/]+)\/(.+)@([^@]+)$/.exec(key) ?? []
    if (ratio === null || figure === undefined || rival === undefined || param === undefined) continue
    const line = lines.get(`${figure}/${rival}`) ?? { figure, rival, byParam: new Map<string, number>() }
    lines.set(`${figure}/${rival}`, line)
    line.byParam.set(param, ratio)
  }
  return [...lines.values()]
}

/** Of the columns of rows with its figure the first that has all of the line's values, or a part for each that has some. */
function partsOf(line: RatioLine, rows: readonly Row[]): Map<string, RatioLine> {
  const { figure, rival, byParam } = line
  const candidates = rows.filter((row) => figure in row)
  const columns = [...new Set(candidates.flatMap((row) => Object.keys(row).slice(1)))]
  const has = (column: string, value: string): boolean => candidates.some((row) => String(row[column]) === value)
  const whole = columns.find((column) => [...byParam.keys()].every((value) => has(column, value)))
  const parts = new Map<string, RatioLine>()
  for (const [value, ratio] of byParam) {
    const param = whole ?? columns.find((column) => has(column, value)) ?? 'param'
    const part = parts.get(param) ?? { figure, rival, byParam: new Map<string, number>() }
    parts.set(param, part)
    part.byParam.set(value, ratio)
  }
  return parts
}

function ratioTable(param: string, lines: readonly RatioLine[]): string {
  const values = [...new Set(lines.flatMap(({ byParam }) => [...byParam.keys()]))]
  const cells = lines.map(({ figure, rival, byParam }) => [figure, rival, ...values.map((value) => byParam.get(value))])
  return markdownTable([`ours ÷ theirs, by ${param}`, 'of', ...values], cells, 2)
}
