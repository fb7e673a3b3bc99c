/** How the text of an environment variable becomes a value. The messages complete "NESTWIRE_X …". */
import { isIP } from 'node:net'
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
export const subjectToken = (maxCharacters: number) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{1,${maxCharacters}}$`), {
    error: `must be 1 to ${maxCharacters} letters, digits, _ or -`,
  })

/** Where others reach a listener: a name or address, with or without a port. */
export const reachableAddress = () => {
  const error = 'must be like chat-1.example.org:7420 or chat-1.example.org, an IPv6 address in brackets'
  return z.string().transform((text, context) => {
    const [, bracketed, plain, digits] =
      /^(?:\[([\da-fA-F:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(text) ?? []
    const host = bracketed ?? plain
    const port = digits === undefined ? undefined : Number(digits)
    if (host !== undefined && isReachable(host) && (port === undefined || (port >= 1 && port <= 65_535))) {
      return { host, port }
    }
    context.addIssue({ code: 'custom', message: error })
    return z.NEVER
  })
}

const isReachable = (host: string): boolean => host !== '0.0.0.0' && host !== '::'

/** Addresses of NATS servers, separated by commas; a password in one would end up in log lines, so there is none. */
export const natsUrls = () =>
  z
    .string()
    .regex(/^(?:nats|tls):\/\/[^\s,/@]+(?:,(?:nats|tls):\/\/[^\s,/@]+)*$/, {
      error: 'must be like nats://host:4222, several separated by commas, without user and password',
    })
    .transform((urls): readonly string[] => urls.split(','))

/** Addresses and networks in CIDR notation, separated by commas; `none` for none of them. */
export const addressRanges = () => {
  const error = 'must be like 10.0.0.0/8,192.0.2.7,2001:db8::/32, or none'
  return z
    .string()
    .transform((text): readonly string[] => (text === 'none' ? [] : text.split(',')))
    .refine((ranges) => ranges.every(isRange), { error })
}

function isRange(range: string): boolean {
  const [, address = '', bits] = /^([\da-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(range) ?? []
  const family = isIP(address)
  return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128)
}
