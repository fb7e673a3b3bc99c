/** A contestant's turns as a row. One that lost a message, or gave one twice, has no figures: the row says why. */
import type { LoadResult } from './load/room-load.js'
import { spread } from './statistics.js'
import { OURS, type Row } from './suite.js'

export type Turn<Figures> = { readonly figures: Figures } | { readonly mistake: string }

/** `undefined` if every member got every message exactly once and in order. */
export function mistakeIn({ lost, duplicates, refusals, fault }: Omit<LoadResult, 'elapsedMs'>): string | undefined {
  if (fault !== undefined) return fault
  if (lost > 0) return `${lost} deliveries lost`
  if (duplicates > 0) return `${duplicates} deliveries twice`
  return refusals > 0 ? `${refusals} publications refused` : undefined
}

/** A mistake of ours is a failure of the suite besides. */
export function turnRow<Figures extends Readonly<Record<keyof Figures, number>>>(
  name: string,
  params: Readonly<Record<string, string | number>>,
  { turns, failures }: { readonly turns: readonly Turn<Figures>[]; readonly failures: string[] },
): Row {
  const figures: Figures[] = []
  for (const turn of turns) {
    if ('figures' in turn) figures.push(turn.figures)
    else {
      if (name === OURS) failures.push(`${JSON.stringify(params)}: ${turn.mistake}`)
      return { name, ...params, mistake: turn.mistake }
    }
  }
  return { name, ...params, ...spread(figures) }
}
