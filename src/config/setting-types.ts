/** How the text of an environment variable becomes a value. The messages complete "NESTWIRE_X …". */
import { z } from 'zod'

/** A whole number in plain decimal digits, both bounds allowed. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,15}$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error })
}

export const flag = () =>
  z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true')

export const oneOf = <const Names extends readonly [string, ...string[]]>(...names: Names) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` })

export const text = (minLength = 1) =>
  z
    .string()
    .min(minLength, { error: minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters` })
