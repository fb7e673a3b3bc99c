/** The documents of `bench/results`, as `run.ts` saved them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Row } from '../suite.js'

/** JSON has no NaN: a figure that could not be computed was saved as null, and counts as missing. */
const rowSchema = z
  .object({ name: z.string() })
  .catchall(z.union([z.string(), z.number(), z.null()]))
  .transform((row): Row => {
    const known = Object.entries(row).filter((entry): entry is [string, string | number] => entry[1] !== null)
    return { ...Object.fromEntries(known), name: row.name }
  })

const documentSchema = z.object({
  suite: z.string(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Missing in documents that are older than it. */
  provenance: z.object({ commit: z.string(), versions: z.record(z.string(), z.string()) }).optional(),
  params: z.record(z.string(), z.unknown()),
  rows: z.array(rowSchema),
  ratios: z.record(z.string(), z.number().nullable()),
})

export type ResultDocument = z.output<typeof documentSchema>

/** By file name. Throws if there are none, and on a file that is no such document, with its path. */
export function readResults(folder: string): ResultDocument[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  if (files.length === 0) throw new Error(`no results in ${folder}: run a suite with --save`)
  return files.toSorted().map((name) => readDocument(join(folder, name)))
}

function readDocument(path: string): ResultDocument {
  try {
    return documentSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    throw new Error(`${path} is no result of a suite`, { cause })
  }
}
