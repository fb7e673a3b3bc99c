/** What the server says of itself at `/metrics`, in the text format of Prometheus. */

export interface MetricQuery {
  readonly name: string
  /** All series that have these, each one of several values if several are given; default: every series of the name. */
  readonly labels?: Readonly<Record<string, string | readonly string[]>>
}

const SERIES = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

export class MetricsPage {
  constructor(private readonly httpPort: number) {}

  /** The sum over all series that match; 0 if there is none. Rejects where there is no such page. */
  async sum(query: MetricQuery): Promise<number> {
    return sumIn(await this.text(), query)
  }

  async text(): Promise<string> {
    // Its own connection each time: one that is kept may be closed by the server just when it is used again.
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}/metrics`, { headers: { connection: 'close' } })
    if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`)
    return answer.text()
  }
}

export function sumIn(page: string, { name, labels = {} }: MetricQuery): number {
  const wanted = Object.entries(labels)
  let sum = 0
  for (const series of seriesIn(page)) {
    if (series.name !== name) continue
    const pairs = new Map(Array.from(series.labels.matchAll(LABEL), ([, label = '', text = '']) => [label, text]))
    if (wanted.every(([label, texts]) => [texts].flat().includes(pairs.get(label) ?? ''))) sum += series.figure
  }
  return sum
}

export interface Series {
  readonly name: string
  /** As the page has them: `a="1",b="2"`. */
  readonly labels: string
  readonly figure: number
}

export const seriesIn = (page: string): readonly Series[] =>
  Array.from(page.matchAll(SERIES), ([, name = '', labels = '', figure]) => ({ name, labels, figure: Number(figure) }))
