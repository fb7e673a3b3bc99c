/** Rows to SVG text with Vega-Lite: no browser, no canvas, the same text for the same rows. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { OURS, type Row } from '../suite.js'
import type { Plot } from './plots.js'

interface Point {
  readonly name: string
  readonly param: string | number
  readonly value: number
  readonly least: number
  readonly most: number
}

/** `undefined` if no row has the figure. */
export async function drawPlot(plot: Plot, rows: readonly Row[]): Promise<string | undefined> {
  const points = rows.flatMap((row) => pointOf(row, plot))
  if (points.length === 0) return undefined
  const spec = plot.mark === 'line' ? lines(plot, points) : bars(plot, points)
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}

function pointOf(row: Row, { figure, by, without }: Plot): Point[] {
  const [value, least, most] = [row[figure], row[`${figure}Min`], row[`${figure}Max`]]
  if (typeof value !== 'number' || (without !== undefined && without in row)) return []
  const isSpread = typeof least === 'number' && typeof most === 'number'
  return [
    { name: row.name, param: row[by] ?? '', value, least: isSpread ? least : value, most: isSpread ? most : value },
  ]
}

const SHARED = {
  background: 'white',
  config: { font: 'sans-serif', view: { stroke: null }, axis: { gridColor: '#e5e5e5' } },
} satisfies Partial<TopLevelSpec>

const OURS_STANDS_OUT = (ours: number, others: number) => ({
  condition: { test: `datum.name === '${OURS}'`, value: ours },
  value: others,
})

/** Both axes logarithmic: from 10 members to 18,000 and from the best to the worst is a long way. */
function lines({ by, title }: Plot, points: readonly Point[]): TopLevelSpec {
  const axis = { format: ',d', values: [...new Set(points.map(({ param }) => Number(param)))] }
  const x = { field: 'param', type: 'quantitative', title: by, scale: { type: 'log', nice: false }, axis } as const
  return {
    ...SHARED,
    width: 560,
    height: 320,
    data: { values: [...points] },
    encoding: { x, color: { field: 'name', type: 'nominal', title: null, sort: null, scale: { scheme: 'tableau20' } } },
    layer: [
      {
        mark: { type: 'line', point: true },
        encoding: {
          y: { field: 'value', type: 'quantitative', title, scale: { type: 'log' } },
          strokeWidth: OURS_STANDS_OUT(3.5, 1.5),
        },
      },
      {
        mark: { type: 'rule', opacity: 0.5 },
        encoding: { y: { field: 'least', type: 'quantitative', title }, y2: { field: 'most' } },
      },
    ],
  }
}

/** A panel for each value of `by`; the rule in a bar goes from the least round to the most. */
function bars({ by, title }: Plot, points: readonly Point[]): TopLevelSpec {
  const params = [...new Set(points.map(({ param }) => param))]
  const panels = params.map((param) => ({
    ...(param === '' ? {} : { title: `${by} ${param}` }),
    width: 480,
    height: { step: 22 },
    data: { values: points.filter((point) => point.param === param) },
    encoding: { y: { field: 'name', type: 'nominal', title: null, sort: null } as const },
    layer: [
      {
        mark: { type: 'bar', color: '#4c78a8' } as const,
        encoding: { x: { field: 'value', type: 'quantitative', title } as const, opacity: OURS_STANDS_OUT(1, 0.5) },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5 } as const,
        encoding: { x: { field: 'least', type: 'quantitative' } as const, x2: { field: 'most' } },
      },
    ],
  }))
  return { ...SHARED, vconcat: panels }
}
