/** The page of benchmarks, rendered from small results into a folder of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from 'prettier'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderReport } from '../../bench/report/render-report.js'

const MACHINE = { cpu: 'a processor', cores: 2, node: 'v20.0.0' }

const FANOUT = {
  suite: 'fanout',
  machine: MACHINE,
  params: { quick: false, rounds: 3, versions: { node: '20.0.0' } },
  rows: [
    { name: 'nestwire', members: 100, toLastMsP50: 1.5, toLastMsP50Min: 1.25, toLastMsP50Max: 2, cpuPercent: 12 },
    { name: 'nestwire', members: 1000, toLastMsP50: 14, toLastMsP50Min: 14, toLastMsP50Max: 14, cpuPercent: 50 },
    { name: 'ws', members: 100, toLastMsP50: 3, toLastMsP50Min: 2.5, toLastMsP50Max: 3.5 },
    { name: 'ws', members: 1000, toLastMsP50: 17, toLastMsP50Min: 16, toLastMsP50Max: null },
    { name: 'nats', members: 100, missing: 'not installed' },
  ],
  ratios: { 'toLastMsP50/ws@100': 0.5, 'toLastMsP50/ws@1000': 0.8235, 'toLastMsP50/nats@100': null },
}
const MEMORY = {
  suite: 'memory',
  machine: { ...MACHINE, cores: 4 },
  params: { quick: false },
  rows: [{ name: 'nestwire', members: 1000, rssPeakMb: 99.5 }],
  ratios: {},
}
const FAIRNESS = {
  suite: 'fairness',
  machine: MACHINE,
  params: {},
  rows: [{ name: 'nestwire', members: 10_000, smallRoomMsP99: 15.5 }],
  ratios: {},
}
const FIFTY_THOUSAND = {
  suite: 'fifty-thousand',
  machine: MACHINE,
  params: {},
  rows: [
    { name: 'nestwire', members: 50_000, toLastMsP50: 400, totalRssMb: 650, totalRssPeakMb: 700, cpuPercent: 120 },
  ],
  ratios: {},
}

let folder: string
let resultsFolder: string
let docsFolder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestwire-report-'))
  resultsFolder = join(folder, 'results')
  docsFolder = join(folder, 'docs')
  mkdirSync(resultsFolder)
  mkdirSync(docsFolder)
})
afterEach(() => rmSync(folder, { recursive: true }))

async function render(
  ...documents: readonly { readonly suite: string; readonly [field: string]: unknown }[]
): Promise<string> {
  for (const document of documents) {
    writeFileSync(join(resultsFolder, `${document.suite}.json`), JSON.stringify(document))
  }
  return readFileSync(await renderReport({ resultsFolder, docsFolder, questions: { fanout: 'How long?' } }), 'utf8')
}

/** The cells of the table lines that begin with `first`. */
const linesOf = (page: string, first: string): string[][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`| ${first} `))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

describe('npm run bench -- report', () => {
  test('tells each figure with its spread, and a dash for none', async () => {
    const page = await render(FANOUT)
    expect(linesOf(page, 'name')[0]).toEqual(['name', 'members', 'toLastMsP50', 'cpuPercent', 'missing'])
    expect(linesOf(page, 'nestwire')).toEqual([
      ['nestwire', '100', '1.5 (1.25 to 2)', '12', '–'],
      ['nestwire', '1,000', '14', '50', '–'],
    ])
    expect(linesOf(page, 'nats')[0]).toEqual(['nats', '100', '–', '–', 'not installed'])
  })

  test('tells ratios by rival and param', async () => {
    const page = await render(FANOUT)
    expect(linesOf(page, 'ours ÷ theirs, by members')).toEqual([['ours ÷ theirs, by members', 'of', '100', '1000']])
    expect(linesOf(page, 'toLastMsP50')).toEqual([['toLastMsP50', 'ws', '0.5', '0.8235']])
  })

  test('has a table of ratios for each param, not one for equal numbers of two', async () => {
    const rows = [
      { name: 'nestwire', inFlight: 1000, appendsPerSecond: 9, appendsPerSecondMin: 9, appendsPerSecondMax: 9 },
      { name: 'nestwire', messagesPerSecond: 1000, sendAckMsP50: 2, sendAckMsP50Min: 2, sendAckMsP50Max: 2 },
    ]
    const ratios = { 'appendsPerSecond/memory@1000': 0.25, 'sendAckMsP50/memory@1000': 4 }
    const page = await render({ ...MEMORY, suite: 'log', rows, ratios })
    expect(linesOf(page, 'ours ÷ theirs, by inFlight')).toEqual([['ours ÷ theirs, by inFlight', 'of', '1000']])
    expect(linesOf(page, 'appendsPerSecond')).toEqual([['appendsPerSecond', 'memory', '0.25']])
    expect(linesOf(page, 'ours ÷ theirs, by messagesPerSecond')).toHaveLength(1)
    expect(linesOf(page, 'sendAckMsP50')).toEqual([['sendAckMsP50', 'memory', '4']])
  })

  test('parts the ratios of a figure that two params have', async () => {
    const rows = [
      { name: 'nestwire', inFlight: 64, callsPerSecond: 9, callsPerSecondMin: 9, callsPerSecondMax: 9 },
      { name: 'nestwire', case: '16-kib-64', callsPerSecond: 2, callsPerSecondMin: 2, callsPerSecondMax: 2 },
    ]
    const ratios = { 'callsPerSecond/nest-tcp@64': 3, 'callsPerSecond/nest-tcp@16-kib-64': 1.5 }
    const page = await render({ ...MEMORY, suite: 'rpc', rows, ratios })
    expect(linesOf(page, 'ours ÷ theirs, by inFlight')).toEqual([['ours ÷ theirs, by inFlight', 'of', '64']])
    expect(linesOf(page, 'ours ÷ theirs, by case')).toEqual([['ours ÷ theirs, by case', 'of', '16-kib-64']])
    expect(linesOf(page, 'callsPerSecond')).toEqual([
      ['callsPerSecond', 'nest-tcp', '3'],
      ['callsPerSecond', 'nest-tcp', '1.5'],
    ])
  })

  test('sets the published table beside ours', async () => {
    const page = await render(FANOUT, MEMORY, FIFTY_THOUSAND)
    expect(linesOf(page, '100')[0]).toEqual(['100', '1.2 ms', '1.5 ms', '45 MB', '–', '3 %', '12 %'])
    expect(linesOf(page, '1,000')[0]).toEqual(['1,000', '8.7 ms', '14 ms', '128 MB', '99.5 MB', '22 %', '50 %'])
    expect(linesOf(page, '50,000')[0]).toEqual(['50,000', '420 ms', '400 ms', '3.2 GB', '700 MB', '98 %', '120 %'])
  })

  test('says which aims are met', async () => {
    const page = await render(FANOUT, FAIRNESS)
    const aim = 'time to the last of 1,000 and more ÷ that of'
    expect(linesOf(page, 'fanout')).toContainEqual(['fanout', `${aim} ws`, '≤ 1', '0.8235', 'yes'])
    expect(linesOf(page, 'fanout')).toContainEqual(['fanout', `${aim} nats`, '≤ 1', '–', '–'])
    expect(linesOf(page, 'fairness')[0]?.slice(2)).toEqual(['≤ 15', '15.5', 'no'])
    expect(page).toMatch(/^Of \d+ aims 1 are missed, 1 met, and \d+ not measured\.$/m)
  })

  test('judges what is bounded at most by the worst round', async () => {
    const stalls = { loopStallMsMax: 40, loopStallMsMaxMin: 30, loopStallMsMaxMax: 51.5 }
    const page = await render({ ...MEMORY, suite: 'storm', rows: [{ name: 'nestwire', members: 10_000, ...stalls }] })
    expect(linesOf(page, 'storm').map((line) => line.slice(2))).toContainEqual(['≤ 50', '51.5', 'no'])
  })

  test('says of what must not happen whether it did', async () => {
    const rows = [{ name: 'nestwire', clients: 2000, deliveredPercent: 99.9999, duplicates: 0, lost: 1, disordered: 0 }]
    const page = await render({ ...MEMORY, suite: 'jitter', rows })
    expect(linesOf(page, 'jitter').map((line) => line.slice(2))).toEqual([
      ['≥ 100', '100', 'no'],
      ['≤ 0', '1', 'no'],
      ['≤ 0', '0', 'yes'],
      ['≤ 0', '0', 'yes'],
    ])
  })

  test('parts rows whose params differ', async () => {
    const figures = { usPerDelivery: 9, usPerDeliveryMin: 8, usPerDeliveryMax: 10 }
    const rows = [
      { name: 'nestwire', members: 1000, ...figures },
      { name: 'nestwire', members: 1000, rooms: 10, ...figures },
    ]
    const page = await render({ ...MEMORY, suite: 'scale', rows })
    expect(linesOf(page, 'nestwire').map((line) => line.length)).toEqual([3, 4])
  })

  test('says machine, question, command and params', async () => {
    const page = await render(MEMORY, FANOUT)
    expect(page).toContain('- fanout: cpu a processor, cores 2, node v20.0.0')
    expect(page).toContain('- memory: cpu a processor, cores 4')
    expect(page).toContain('**How long?**')
    expect(page).toContain('`npm run bench -- fanout --save`, with quick false, rounds 3, versions (node 20.0.0).')
    expect(page.indexOf('## fanout')).toBeLessThan(page.indexOf('## memory'))
  })

  test('says which commit and versions were measured, and where nobody noted them', async () => {
    const provenance = { commit: '0123456789ab', versions: { node: 'v20.0.0', ws: '8.18.0' } }
    const page = await render(FANOUT, { ...MEMORY, provenance })
    expect(page).toContain('commit 0123456789ab, versions (node v20.0.0, ws 8.18.0)')
    expect(page).toContain('- fanout: cpu a processor, cores 2, node v20.0.0, commit not noted')
  })

  test('says of a commit that was rebased away that it is not in the repository', async () => {
    const page = await render({ ...MEMORY, provenance: { commit: '800dc73e9e64+changes', versions: {} } }, FANOUT)
    expect(page).toMatch(/^- memory: .+ is not in this repository\*\*$/m)
    expect(page).toMatch(/^- fanout: .+ commit not noted$/m)
  })

  test('draws what there are figures for, and removes old plots', async () => {
    mkdirSync(join(docsFolder, 'benchmarks'))
    writeFileSync(join(docsFolder, 'benchmarks', 'old.svg'), '')
    const page = await render(FANOUT, MEMORY)
    const plots = readdirSync(join(docsFolder, 'benchmarks')).toSorted()
    expect(plots).toEqual(['fanout-to-last-ms-p50.svg', 'memory-rss-peak-mb.svg'])
    for (const plot of plots) {
      expect(page).toContain(`](benchmarks/${plot})`)
      expect(readFileSync(join(docsFolder, 'benchmarks', plot), 'utf8')).toMatch(/^<svg .*nestwire.*<\/svg>\n$/s)
    }
  })

  test('is the same, and as prettier has it, each time', async () => {
    const page = await render(FANOUT, MEMORY)
    const plot = readFileSync(join(docsFolder, 'benchmarks', 'fanout-to-last-ms-p50.svg'), 'utf8')
    expect(await render(FANOUT, MEMORY)).toBe(page)
    expect(readFileSync(join(docsFolder, 'benchmarks', 'fanout-to-last-ms-p50.svg'), 'utf8')).toBe(plot)
    expect(await check(page, { semi: false, singleQuote: true, printWidth: 120, parser: 'markdown' })).toBe(true)
  })

  test('refuses to render nothing', async () => {
    await expect(render()).rejects.toThrow('run a suite with --save')
    expect(readdirSync(docsFolder)).toEqual([])
  })

  test('refuses a file that is no result', async () => {
    await expect(render({ suite: 'broken' })).rejects.toThrow('broken.json is no result of a suite')
  })
})
