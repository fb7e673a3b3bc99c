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

/** A name that can stand between two dots of a NATS subject, and be part of the name of a stream. */
export const subjectToken = () =>
  z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, { error: 'must be 1 to 32 letters, digits, _ or -' })

/** Addresses of NATS servers, separated by commas; a password in one would end up in log lines, so there is none. */
export const natsUrls = () =>
  z
    .string()
    .regex(/^(?:nats|tls):\/\/[^\s,/@]+(?:,(?:nats|tls):\/\/[^\s,/@]+)*$/, {
      error: 'must be like nats://host:4222, several separated by commas, without user and password',
    })
    .transform((urls): readonly string[] => urls.split(','))
