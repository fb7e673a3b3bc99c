/** Whom a client certificate names. Pure. */
import type { X509Certificate } from 'node:crypto'
import { parseUserId, type UserId } from '../protocol/ids.js'

/**
 * The first URI of its alternative names, without one the first DNS name, without any the common name; `undefined` if that is
 * no user name. Names that Node has to quote, and names for many (`*.example.org`), are not somebody's.
 */
export function nameInCertificate({
  subjectAltName = '',
  subject,
}: Pick<X509Certificate, 'subjectAltName' | 'subject'>): UserId | undefined {
  // With a quote in it a comma may be part of a name.
  if (subjectAltName.includes('"')) return undefined
  const names = subjectAltName.split(', ')
  const [name] = [
    ...names.filter((entry) => entry.startsWith('URI:')),
    ...names.filter((entry) => entry.startsWith('DNS:')),
  ].map((entry) => entry.slice('URI:'.length))
  const chosen = name ?? commonNameIn(subject)
  return chosen === undefined || chosen.includes('*') ? undefined : parseUserId(chosen)
}

/** One line a part of the name; two common names are none. */
function commonNameIn(subject: string): string | undefined {
  const [name, ...more] = subject.split('\n').filter((line) => line.startsWith('CN='))
  return more.length > 0 ? undefined : name?.slice('CN='.length)
}
