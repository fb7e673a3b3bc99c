import { expect } from 'vitest'
import { WireRole } from '../../../src/protocol/packets.js'
import { CertificateAuthority, pemOf, type Certificate } from '../../support/certificate-authority.js'
import { auth } from '../../support/chat-user.js'
import { RawClient } from '../../support/raw-client.js'
import { startConfigured, type ConfiguredChat, type FileSettings } from '../config-file-app.js'
import type { LiveScenarios } from './live-scenario.js'

const filesOf = ({ certFile, keyFile }: Certificate): FileSettings => ({
  NESTWIRE_TLS_CERT_FILE: certFile,
  NESTWIRE_TLS_KEY_FILE: keyFile,
})

const asking = (how: string, { caFile }: CertificateAuthority): FileSettings => ({
  NESTWIRE_TLS_CLIENT_CERT: how,
  NESTWIRE_TLS_CLIENT_CA_FILE: caFile,
})

interface Secured {
  readonly chat: ConfiguredChat
  readonly authority: CertificateAuthority
  readonly trust: { readonly ca: string }
}

async function startSecured(
  settings: (authority: CertificateAuthority) => FileSettings = () => ({}),
): Promise<Secured> {
  const authority = await CertificateAuthority.make()
  const own = filesOf(await authority.issue('IP:127.0.0.1'))
  const chat = await startConfigured({ ...own, ...settings(authority) })
  return { chat, authority, trust: { ca: await authority.ca() } }
}

async function otherPair(): Promise<void> {
  const { chat, trust } = await startSecured()
  const before = await RawClient.greeted(chat.port, trust)
  const next = await CertificateAuthority.make()
  await chat.change(filesOf(await next.issue('IP:127.0.0.1')))
  await RawClient.greeted(chat.port, { ca: await next.ca() })
  await expect(RawClient.greeted(chat.port, trust)).rejects.toThrow('unable to verify')
  await before.expectNothing()
}

async function otherAuthority(): Promise<void> {
  const { chat, trust, authority } = await startSecured((own) => asking('required', own))
  const next = await CertificateAuthority.make()
  const [old, young] = await Promise.all([authority, next].map(async (by) => pemOf(await by.issue('DNS:billing'))))
  await RawClient.greeted(chat.port, { ...trust, ...old })
  await (await RawClient.connectTls(chat.port, { ...trust, ...young })).expectClosed('AuthRejected')
  await chat.change({ NESTWIRE_TLS_CLIENT_CA_FILE: next.caFile })
  await RawClient.greeted(chat.port, { ...trust, ...young })
  await (await RawClient.connectTls(chat.port, { ...trust, ...old })).expectClosed('AuthRejected')
}

export const tlsScenarios: LiveScenarios = {
  NESTWIRE_TLS_CERT_FILE: otherPair,
  NESTWIRE_TLS_KEY_FILE: otherPair,

  NESTWIRE_TLS_MIN_VERSION: async () => {
    const { chat, trust } = await startSecured()
    const older = { ...trust, maxVersion: 'TLSv1.2' } as const
    await RawClient.greeted(chat.port, older)
    await chat.change({ NESTWIRE_TLS_MIN_VERSION: 'TLSv1.3' })
    await expect(RawClient.greeted(chat.port, older)).rejects.toThrow('protocol version')
    await RawClient.greeted(chat.port, trust)
  },

  NESTWIRE_TLS_CLIENT_CERT: async () => {
    const { chat, trust } = await startSecured((own) => asking('optional', own))
    await RawClient.greeted(chat.port, trust)
    await chat.change({ NESTWIRE_TLS_CLIENT_CERT: 'required' })
    await (await RawClient.connectTls(chat.port, trust)).expectClosed('AuthRejected')
  },

  NESTWIRE_TLS_CLIENT_CA_FILE: otherAuthority,

  NESTWIRE_TLS_CERT_ROLE: async () => {
    const { chat, trust, authority } = await startSecured((own) => asking('required', own))
    const shown = { ...trust, ...(await pemOf(await authority.issue('DNS:billing'))) }
    const roleNow = async (): Promise<WireRole> => {
      const client = await RawClient.greeted(chat.port, shown)
      return (await client.ask(auth('', 1), 'authOk')).role
    }
    expect(await roleNow()).toBe(WireRole.Service)
    await chat.change({ NESTWIRE_TLS_CERT_ROLE: 'user' })
    expect(await roleNow()).toBe(WireRole.User)
  },

  NESTWIRE_MAX_TLS_HANDSHAKES: async () => {
    const { chat, trust } = await startSecured(() => ({ NESTWIRE_MAX_TLS_HANDSHAKES: '1' }))
    const begin = async (): Promise<void> => (await RawClient.connect(chat.port)).sendBytes('160301')
    const { tlsCounters } = chat.server
    await begin()
    await expect.poll(() => tlsCounters.underWay).toBe(1)
    await begin()
    await expect.poll(() => chat.server.connectionCount).toBe(2)
    expect(tlsCounters.underWay).toBe(1)
    await chat.change({ NESTWIRE_MAX_TLS_HANDSHAKES: '3' })
    await RawClient.greeted(chat.port, trust)
    expect(tlsCounters).toMatchObject({ underWay: 2, secured: 1 })
  },
}
