/** TLS: the same certificates on both transports. */
import { Controller } from '@nestjs/common'
import { ClientTCP, MessagePattern, Transport } from '@nestjs/microservices'
import { describe, expect, test } from 'vitest'
import { NestwireClient } from '../../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../../src/transport/nestwire-server.js'
import { CertificateAuthority, isOpensslMissing, pemOf } from '../../support/certificate-authority.js'
import {
  NESTWIRE,
  TCP,
  clientOf,
  differs,
  onBoth,
  outcomeOf,
  startMicroservice,
  type Transported,
} from './transports.js'

@Controller()
class SecretController {
  @MessagePattern('secret')
  secret(): string {
    return 'told'
  }
}

/** Each transport with TLS. `ca` is whom clients trust; without one those that Node knows. */
async function secured(name: Transported['name'], options: { readonly rejectUnauthorized?: false } = {}) {
  const authority = await CertificateAuthority.make()
  const [pem, ca] = await Promise.all([authority.issue('DNS:localhost').then(pemOf), authority.ca()])
  const host = 'localhost'
  const on: Readonly<Record<Transported['name'], (trust: { ca?: string }) => Transported>> = {
    TCP: (trust) => ({
      name: 'TCP',
      serverAt: (port) => ({ transport: Transport.TCP, options: { host, port, tlsOptions: pem } }),
      clientAt: (port) => new ClientTCP({ host, port, tlsOptions: { ...trust, ...options } }) as never,
    }),
    Nestwire: (trust) => ({
      name: 'Nestwire',
      serverAt: (port) => ({ strategy: new NestwireServer({ host, port, tlsOptions: pem }) }),
      clientAt: (port) => new NestwireClient({ host, port, tls: { ...trust, ...options } }),
    }),
  }
  return { trusting: on[name]({ ca }), ignorant: on[name]({}) }
}

const start = (transport: Transported) => startMicroservice(transport, { controllers: [SecretController] })

const outcomeUnchecked = async (name: Transported['name']) => {
  const { ignorant } = await secured(name, { rejectUnauthorized: false })
  return outcomeOf((await start(ignorant)).client, 'secret')
}

const UNKNOWN_AUTHORITY = { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }

describe.skipIf(isOpensslMissing)('TLS', () => {
  onBoth(({ name }) => {
    test('a client that trusts the authority calls', async () => {
      const { client } = await start((await secured(name)).trusting)
      expect(await outcomeOf(client, 'secret')).toEqual({ values: ['told'] })
    })

    test('a client that does not know the authority is told nothing', async () => {
      const { client } = await start((await secured(name)).ignorant)
      expect(await outcomeOf(client, 'secret')).toMatchObject({ values: [], error: expect.any(Error) })
    })

    test('a client without TLS is told nothing', async () => {
      const { port } = await start((await secured(name)).trusting)
      const plain = clientOf(name === 'TCP' ? TCP : NESTWIRE, port)
      expect(await outcomeOf(plain, 'secret')).toMatchObject({ values: [], error: expect.any(Error) })
    })
  })

  differs('certificatesOfServers', {
    TCP: async () => expect(await outcomeUnchecked('TCP')).toEqual({ values: ['told'] }),
    Nestwire: async () =>
      expect(await outcomeUnchecked('Nestwire')).toMatchObject({
        values: [],
        error: UNKNOWN_AUTHORITY,
      }),
  })

  differs('connectOverTls', {
    TCP: async () => {
      const { client } = await start((await secured('TCP')).ignorant)
      await expect(client.connect()).resolves.toBeUndefined()
    },
    Nestwire: async () => {
      const { client } = await start((await secured('Nestwire')).ignorant)
      await expect(client.connect()).rejects.toMatchObject(UNKNOWN_AUTHORITY)
    },
  })
})
