/** The samples of a soak as one SVG, a panel for each vital, over time. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { Vital, Vitals } from './vitals.js'

const PANELS: Readonly<Partial<Record<Vital, string>>> = {
  rssMb: 'MB resident',
  memoryMb: 'MB of its own',
  heapMb: 'MB of heap in use',
  handles: 'open handles',
  loopDelayMs: 'ms the event loop was late, worst of a second',
  connections: 'connections',
}

export async function drawSoak(samples: readonly Vitals[]): Promise<string> {
  const panels = Object.entries(PANELS).map(([field, title]) => ({
    width: 640,
    height: 110,
    data: { values: [...samples] },
    mark: { type: 'line', color: '#4c78a8' } as const,
    encoding: {
      x: { field: 'second', type: 'quantitative', title: null } as const,
      y: { field, type: 'quantitative', title: null } as const,
    },
    title: { text: title, anchor: 'start', fontSize: 11 } as const,
  }))
  const spec: TopLevelSpec = {
    background: 'white',
    config: { font: 'sans-serif', view: { stroke: null }, axis: { gridColor: '#e5e5e5' } },
    vconcat: panels,
  }
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}
