/**
 * All metrics of one server. Each is a name, a text and where the figure is read from when somebody scrapes: parts keep plain
 * numbers, and nothing here is on their way. Counters only grow, gauges are as they are now, times are in seconds.
 */
import { Injectable } from '@nestjs/common'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { FixedHistogram } from '../fixed-histogram.js'

/** One of several figures with one name. The values of its labels are of a set that strangers cannot make grow. */
export interface Labelled<Figure> {
  readonly labels: Readonly<Record<string, string>>
  readonly figure: Figure
}

interface Several<Figure> {
  readonly labelNames: readonly string[]
  readonly read: () => Iterable<Labelled<Figure>>
}

@Injectable()
export class MetricSet {
  private readonly registry = new Registry()

  /** Reads all of it. */
  text(): Promise<string> {
    return this.registry.metrics()
  }

  gauge(name: string, help: string, read: () => number): void {
    const collect = (): void => gauge.set(read())
    const gauge = new Gauge({ name, help, collect, registers: [] })
    this.registry.registerMetric(gauge)
  }

  gauges(name: string, help: string, { labelNames, read }: Several<number>): void {
    const collect = (): void => {
      gauge.reset()
      // Without labels that sets it to 0, and what is not there is not 0.
      if (labelNames.length === 0) gauge.remove()
      for (const { labels, figure } of read()) gauge.set(labels, figure)
    }
    const gauge = new Gauge({ name, help, labelNames, collect, registers: [] })
    this.registry.registerMetric(gauge)
  }

  counter(name: string, help: string, read: () => number): void {
    const collect = (): void => {
      counter.reset()
      counter.inc(read())
    }
    const counter = new Counter({ name, help, collect, registers: [] })
    this.registry.registerMetric(counter)
  }

  counters(name: string, help: string, { labelNames, read }: Several<number>): void {
    const collect = (): void => {
      counter.reset()
      for (const { labels, figure } of read()) counter.inc(labels, figure)
    }
    const counter = new Counter({ name, help, labelNames, collect, registers: [] })
    this.registry.registerMetric(counter)
  }

  histogram(name: string, help: string, histogram: FixedHistogram): void {
    this.histograms(name, help, { labelNames: [], read: () => [{ labels: {}, figure: histogram }] })
  }

  histograms(name: string, help: string, several: Several<FixedHistogram>): void {
    this.registry.registerMetric(new ReadHistogram({ name, help }, several))
  }
}

interface Named {
  readonly name: string
  readonly help: string
}

/** A histogram of prom-client that shows what was counted elsewhere. */
class ReadHistogram extends Histogram {
  constructor(
    private readonly named: Named,
    private readonly several: Several<FixedHistogram>,
  ) {
    super({ ...named, labelNames: several.labelNames, registers: [] })
  }

  /** What a scrape asks for, though the types of prom-client do not have it. */
  async getForPromString() {
    const { name, help } = this.named
    return { name, help, type: 'histogram', aggregator: 'sum', values: [...this.values()] }
  }

  private *values() {
    const { name } = this.named
    for (const { labels, figure } of this.several.read()) {
      let count = 0
      for (const [bound, upToBound] of figure.cumulative()) {
        count = upToBound
        const le = Number.isFinite(bound) ? String(bound) : '+Inf'
        yield { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
      }
      yield { metricName: `${name}_sum`, labels, value: figure.sum }
      yield { metricName: `${name}_count`, labels, value: count }
    }
  }
}

/** The figures of a record, each under the name of its field. */
export function* byField(label: string, figures: Readonly<Record<string, number>>): Iterable<Labelled<number>> {
  for (const [name, figure] of Object.entries(figures)) yield { labels: { [label]: name }, figure }
}
