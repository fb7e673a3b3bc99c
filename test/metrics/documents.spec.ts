/** What is written about metrics is so: their names in the pages and in the alerts, and a section for each alert. */
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { runCluster } from '../cluster/cluster-apps.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import { runApp } from '../support/running-app.js'
import { scrape } from './scrape.js'

const textOf = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Without what Prometheus adds to the name of a histogram. */
const namesIn = (text: string): readonly string[] => [
  ...new Set(
    (text.match(/\b(?:nestwire|process|nodejs)_[a-z_]+\b/g) ?? []).map((name) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    ),
  ),
]

/** Of a lone server, and those that only a node of a cluster has. */
async function exposedNames(): Promise<ReadonlySet<string>> {
  const names = [...(await scrape(await runApp())).names]
  if (!isNatsMissing) {
    const server = await NatsServer.start()
    try {
      const [node] = await runCluster(server, 1)
      if (node !== undefined) {
        names.push(...(await scrape(node)).names)
        await node.close()
      }
    } finally {
      await server.discard()
    }
  }
  return new Set(names)
}

const alertsIn = (yaml: string): readonly string[] => yaml.split(/^ {6}- (?=alert: )/m).slice(1)
const fieldOf = (alert: string, field: string): string | undefined =>
  new RegExp(`^ *${field}: (?:>-\\n +)?(.+)$`, 'm').exec(alert)?.[1]

describe.skipIf(isNatsMissing)('metrics', () => {
  test('of the limits exist', async () => {
    const exposed = await exposedNames()
    const named = namesIn(await textOf('docs/LIMITS.md'))
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((name) => !exposed.has(name))).toEqual([])
  })

  test('are all explained in a row, and no others', async () => {
    const exposed = await exposedNames()
    const rows = Array.from(
      (await textOf('docs/OPERATIONS.md')).matchAll(/^\| `((?:nestwire|process|nodejs)_[a-z_]+)` /gm),
      ([, name = '']) => name,
    )
    expect(rows.toSorted()).toEqual([...exposed].toSorted())
  })

  test('that alerts ask for exist', async () => {
    const exposed = await exposedNames()
    const asked = alertsIn(await textOf('deploy/prometheus/alerts.yml')).flatMap((alert) =>
      namesIn(fieldOf(alert, 'expr') ?? ''),
    )
    expect(asked.length).toBeGreaterThan(20)
    expect(asked.filter((name) => !exposed.has(name))).toEqual([])
  })
})

describe('alerts', () => {
  test('have an expression, a time, a severity, a summary and a place to read on', async () => {
    const alerts = alertsIn(await textOf('deploy/prometheus/alerts.yml'))
    expect(alerts.length).toBeGreaterThan(20)
    for (const alert of alerts) {
      const name = fieldOf(alert, 'alert') ?? ''
      expect(fieldOf(alert, 'expr'), name).toMatch(/[<>=]/)
      expect(fieldOf(alert, 'for'), name).toMatch(/^\d+[sm]$/)
      expect(fieldOf(alert, 'severity'), name).toMatch(/^(critical|warning)$/)
      expect(fieldOf(alert, 'summary'), name).toMatch(/^'.+'$/)
      expect(fieldOf(alert, 'runbook_url')).toBe(`docs/OPERATIONS.md#${name.toLowerCase()}`)
    }
  })

  test('add no figures of which one may not be there yet, since nothing and a figure are nothing', async () => {
    const alerts = alertsIn(await textOf('deploy/prometheus/alerts.yml'))
    for (const alert of alerts) expect(fieldOf(alert, 'expr'), fieldOf(alert, 'alert')).not.toContain(' + ')
  })

  test('have each a section that says what to do, and the rows of their metrics name them', async () => {
    const alerts = alertsIn(await textOf('deploy/prometheus/alerts.yml'))
    const operations = await textOf('docs/OPERATIONS.md')
    const sections = Array.from(operations.matchAll(/^### (Nestwire\w+)$/gm), ([, name]) => name)
    expect(sections).toEqual(alerts.map((alert) => fieldOf(alert, 'alert')))
    for (const [, metric = '', watchedBy = ''] of operations.matchAll(/^\| `(\w+)` .*\| ([^|]*) \|$/gm)) {
      const watching = alerts.filter((alert) => namesIn(fieldOf(alert, 'expr') ?? '').includes(metric))
      const named = watchedBy.match(/Nestwire\w+/g) ?? []
      for (const name of named)
        expect(
          watching.map((alert) => fieldOf(alert, 'alert')),
          metric,
        ).toContain(name)
      expect(named.length > 0, metric).toBe(watching.length > 0)
    }
  })
})
