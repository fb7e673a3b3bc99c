/** `npm run bench -- report`: the saved results as one page with tables and plots. Measures nothing. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { aimsTable } from './aims.js'
import { drawPlot } from './draw-plot.js'
import { ratioTables, rowTables } from './markdown-table.js'
import { plotFile, plots } from './plots.js'
import { publishedTable } from './published-table.js'
import { readResults, type ResultDocument } from './result-document.js'

export interface ReportOptions {
  /** Holds the `<suite>.json`. */
  readonly resultsFolder: string
  /** Gets `BENCHMARKS.md`, and `benchmarks/*.svg` in place of those that were there. */
  readonly docsFolder: string
  /** What each suite asks. */
  readonly questions: Readonly<Record<string, string>>
}

const PAGE = 'BENCHMARKS.md'
const PLOTS_FOLDER = 'benchmarks'
/** Measured, and rebased away afterwards: nobody can look at what they held. */
const LOST_COMMITS = ['16f23c2915a9', '800dc73e9e64', 'd6d84942a1b7', 'f3b73edd3ce6']
/** Sections come in this order, others after them. */
const ORDER =
  'fanout burst fifty-thousand cluster memory fairness frozen control storm scale jitter avalanche rolling rpc log codec'.split(
    ' ',
  )

/** Resolves with the path of the page. */
export async function renderReport({ resultsFolder, docsFolder, questions }: ReportOptions): Promise<string> {
  const documents = readResults(resultsFolder).toSorted((one, other) => placeOf(one) - placeOf(other))
  const drawn = await drawPlots(documents, join(docsFolder, PLOTS_FOLDER))
  const parts = [
    INTRODUCTION,
    '## Machine',
    ...machines(documents),
    '## The published table',
    PUBLISHED_NOTE,
    publishedTable(documents),
    '## Aims',
    aimsTable(documents),
    ...documents.flatMap((document) => section(document, questions[document.suite], drawn)),
  ]
  const page = join(docsFolder, PAGE)
  const style = await resolveConfig(import.meta.filename)
  writeFileSync(page, await format(parts.join('\n\n'), { ...style, parser: 'markdown' }))
  return page
}

const INTRODUCTION = `# Benchmarks

Rendered by \`npm run bench -- report\` from \`bench/results/*.json\`; do not edit. Figures of two machines are not
comparable, and one machine drifts: every comparison is of contestants that took turns in one run, so read the ratios.
A figure is the median of its rounds, with the least and the most in brackets. In the suites about rooms
everything real is on in our rows: authentication, rooms, and the log on disk. A dash: not measured, or the rival could not be had.

The commit that stands with a machine is the one that was measured; the code has gone on since. _Not noted_: the run is older
than the note.`

const PUBLISHED_NOTE = `One broadcast to all. Ours: to the last receipt, median, from \`fanout\`; memory is the most that
the server process ever took, processor time is of one core. 50,000 are over three nodes, from \`fifty-thousand\`, and memory
and processor time are those of the nodes together. The machine of the published figures is not known.`

const placeOf = ({ suite }: ResultDocument): number => (ORDER.includes(suite) ? ORDER.indexOf(suite) : ORDER.length)

/** The plots that there are figures for, by file name. */
async function drawPlots(documents: readonly ResultDocument[], folder: string): Promise<ReadonlySet<string>> {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name))
  const drawn = new Set<string>()
  for (const plot of plots) {
    const svg = await drawPlot(plot, documents.find(({ suite }) => suite === plot.suite)?.rows ?? [])
    if (svg === undefined) continue
    drawn.add(plotFile(plot))
    writeFileSync(join(folder, plotFile(plot)), svg)
  }
  return drawn
}

function machines(documents: readonly ResultDocument[]): string[] {
  const suites = new Map<string, string[]>()
  for (const { machine, provenance, suite } of documents) {
    const isLost = LOST_COMMITS.some((commit) => provenance?.commit.startsWith(commit))
    const note = isLost ? '. **That commit was rebased away and is not in this repository**' : ''
    const told = `${pairs({ ...machine, ...(provenance ?? { commit: 'not noted' }) })}${note}`
    suites.set(told, [...(suites.get(told) ?? []), suite])
  }
  return [...suites].map(([machine, names]) => `- ${names.join(', ')}: ${machine}`)
}

function section(document: ResultDocument, question: string | undefined, drawn: ReadonlySet<string>): string[] {
  const { suite, params, rows, ratios } = document
  const ofSuite = plots.filter((plot) => plot.suite === suite && drawn.has(plotFile(plot)))
  return [
    `## ${suite}`,
    ...(question === undefined ? [] : [`**${question}**`]),
    `\`npm run bench -- ${suite} --save\`, with ${pairs(params)}.`,
    ...rowTables(rows),
    ...ofSuite.map((plot) => `![${plot.title}](${PLOTS_FOLDER}/${plotFile(plot)})`),
    ...ratioTables(ratios, rows),
  ]
}

/** `rounds 9, versions: node 20, …` */
const pairs = (record: Readonly<Record<string, unknown>>): string =>
  Object.entries(record)
    .map(([key, value]) => `${key} ${told(value)}`)
    .join(', ')

function told(value: unknown): string {
  if (Array.isArray(value)) return value.map(told).join('/')
  if (typeof value === 'object' && value !== null) return `(${pairs({ ...value })})`
  return String(value)
}
