/** What stands behind the question mark. Throws a 400 that says what it must be. */
import { BadRequestException } from '@nestjs/common'

const DEFAULT_TOP = 20
export const MAX_TOP = 1_000

export function topFrom(text: string = String(DEFAULT_TOP)): number {
  const top = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (top >= 1 && top <= MAX_TOP) return top
  throw badPayload(`top is a whole number from 1 to ${MAX_TOP}`)
}

/** Of `measures`, the first where nothing is said. */
export function measureFrom<Measures extends Readonly<Record<string, unknown>>>(
  measures: Measures,
  text: string = Object.keys(measures)[0] ?? '',
): Measures[keyof Measures] {
  if (Object.hasOwn(measures, text)) return measures[text as keyof Measures]
  throw badPayload(`by is one of ${Object.keys(measures).join(', ')}`)
}

const badPayload = (message: string): BadRequestException => new BadRequestException({ code: 'BAD_PAYLOAD', message })
