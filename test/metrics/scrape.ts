/** What `/metrics` says at this moment. */
import { expect } from 'vitest'
import { seriesIn } from '../hostile/metrics-page.js'
import type { TestApp } from '../support/running-app.js'

const PREFIX = 'nestwire_'

export interface Scrape {
  /** By `name` or `name{label="value"}` without the prefix; a series that does not exist is `undefined`. */
  readonly figures: ReadonlyMap<string, number>
  /** Of all metrics, with prefix, whether or not they have a figure now. */
  readonly names: readonly string[]
}

export async function scrape({ httpAddress }: TestApp): Promise<Scrape> {
  const response = await fetch(`http://127.0.0.1:${httpAddress.port}/metrics`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  const text = await response.text()
  return {
    figures: new Map(
      seriesIn(text).map(({ name, labels, figure }) => [
        `${name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name}${labels === '' ? '' : `{${labels}}`}`,
        figure,
      ]),
    ),
    names: Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name = '']) => name),
  }
}

/** Fails unless these series come to have these figures. */
export async function expectFigures(app: TestApp, expected: Readonly<Record<string, number>>): Promise<void> {
  const look = async (): Promise<unknown> => {
    const { figures } = await scrape(app)
    return Object.fromEntries(Object.keys(expected).map((series) => [series, figures.get(series)]))
  }
  await expect.poll(look).toEqual(expected)
}
