/** Rows for people: one aligned table for each set of columns, then the ratios. */
import type { Outcome, Row } from './suite.js'

export function formatOutcome({ rows, ratios }: Outcome): string {
  const tables = new Map<string, Row[]>()
  for (const row of rows) {
    const columns = Object.keys(row).join()
    tables.set(columns, [...(tables.get(columns) ?? []), row])
  }
  const parts = [...tables.values()].map(formatTable)
  const lines = Object.entries(ratios).map(([key, ratio]) => `  ${key}  ${ratio}`)
  if (lines.length > 0) parts.push(['ours ÷ theirs', ...lines].join('\n'))
  return parts.join('\n\n')
}

function formatTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))]
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)))
  const isText = columns.map((column) => typeof rows[0]?.[column] === 'string')
  const align = (cell: string, at: number): string =>
    isText[at] === true ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)
  return cells.map((line) => line.map(align).join('  ').trimEnd()).join('\n')
}
