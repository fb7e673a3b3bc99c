import { expect, test } from 'vitest'
import { nameInCertificate } from '../../src/auth/certificate-name.js'

const named = (subjectAltName: string | undefined, subject = ''): string | undefined =>
  nameInCertificate({ subjectAltName, subject })

test.each([
  ['the first URI', 'DNS:a.example, URI:spiffe://b/c, URI:spiffe://d', 'spiffe://b/c'],
  ['the first DNS name where there is no URI', 'IP Address:10.0.0.1, DNS:a.example, DNS:b.example', 'a.example'],
])('is %s', (_, altName, name) => {
  expect(named(altName, 'CN=somebody')).toBe(name)
})

test.each([
  ['O=Example\nCN=reporter', 'reporter'],
  ['CN=Zoë Müller', 'Zoë Müller'],
])('is the common name where there is no other, %j', (subject, name) => {
  expect(named(undefined, subject)).toBe(name)
  expect(named('IP Address:10.0.0.1', subject)).toBe(name)
})

test.each([
  ['no name at all', undefined, ''],
  ['a name for many', 'DNS:*.example', ''],
  ['a name that hides another', 'DNS:"a, URI:admin"', ''],
  ['a quoted name before a plain one', 'DNS:"a\\u0000b", DNS:admin', 'CN=admin'],
  ['two common names', undefined, 'CN=a\nCN=b'],
  ['a name with what nobody can see', `DNS:a\u200bb`, ''],
  ['a name that is too long', `DNS:${'a'.repeat(129)}`, ''],
  ['an empty name', 'DNS:', 'CN=admin'],
])('is nobody with %s', (_, altName, subject) => {
  expect(named(altName, subject)).toBeUndefined()
})

test('may have 128 characters', () => {
  expect(named(`DNS:${'a'.repeat(128)}`)).toHaveLength(128)
})
