/** NATS wants to know who a node is: password, token, credentials. What an operator got wrong is said without the secret. */
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { natsAccounts } from '../../support/nats-accounts.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { append, fileWith, NO_SUCH_FILE, openAt, problemAt, startServer } from './guarded-nats.js'

const PASSWORD = ['--user', 'nestwire', '--pass', 'tiptoe-93']
const TOKEN = ['--auth', 'tiptoe-93']
const asNestwire = { NESTWIRE_CLUSTER_USER: 'nestwire', NESTWIRE_CLUSTER_PASSWORD: 'tiptoe-93' }

describe.skipIf(isNatsMissing)('a NATS that wants a password or a token', () => {
  test.each([
    ['password', PASSWORD, asNestwire],
    ['token', TOKEN, { NESTWIRE_CLUSTER_TOKEN: 'tiptoe-93' }],
  ])('lets a node with the right %s in', async (_, server, env) => {
    await expect(append(await openAt(await startServer(...server), env))).resolves.toBe(1)
  })

  test.each([
    ['password', PASSWORD, { ...asNestwire, NESTWIRE_CLUSTER_PASSWORD: 'mistaken-57' }],
    ['token', TOKEN, { NESTWIRE_CLUSTER_TOKEN: 'mistaken-57' }],
  ])('ends the start of a node with another %s, by the names of its settings', async (_, server, env) => {
    const problem = await problemAt(await startServer(...server), env)
    expect(problem).toContain(`Authorization Violation (${Object.keys(env).join(' and ')})`)
    expect(problem).not.toContain('mistaken-57')
  })

  test('ends the start of a node that has none', async () => {
    expect(await problemAt(await startServer(...PASSWORD), {})).toContain('or NESTWIRE_CLUSTER_CREDS_FILE is missing')
  })

  test('keeps a node away while the password is another, and has it back afterwards', async () => {
    const server = await startServer(...PASSWORD)
    const node = await openAt(server, asNestwire)
    let returns = 0
    node.link.onReturn(() => (returns += 1))
    const first = await append(node)
    await server.stop()
    await server.restart(['--user', 'nestwire', '--pass', 'changed-22'])
    await expect.poll(() => node.log.fault()).toContain('(NESTWIRE_CLUSTER_USER and NESTWIRE_CLUSTER_PASSWORD)')
    expect(node.log.fault()).not.toContain('tiptoe-93')
    await expect(append(node)).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
    await server.stop()
    await server.restart(PASSWORD)
    await expect.poll(() => node.log.fault()).toBeUndefined()
    await expect(append(node)).resolves.toBe(first + 1)
    // Once, however often it was refused.
    expect(returns).toBe(1)
  })
})

describe.skipIf(isNatsMissing)('a NATS that wants credentials of an account', () => {
  const accounts = natsAccounts()
  const startWithAccounts = async () => startServer('-c', await fileWith(accounts.serverConfig))
  const withCreds = async (creds: string) => ({ NESTWIRE_CLUSTER_CREDS_FILE: await fileWith(creds) })

  test('lets a node with them in', async () => {
    const env = await withCreds(accounts.userCreds('chat'))
    await expect(append(await openAt(await startWithAccounts(), env))).resolves.toBe(1)
  })

  test('ends the start of a node with those of a stranger', async () => {
    const env = await withCreds(natsAccounts().userCreds('chat'))
    expect(await problemAt(await startWithAccounts(), env)).toContain('(NESTWIRE_CLUSTER_CREDS_FILE)')
  })

  test('ends the start of a node whose account has no JetStream', async () => {
    const env = await withCreds(accounts.userCreds('plain'))
    expect(await problemAt(await startWithAccounts(), env)).toMatch(/jetstream not enabled for account/i)
  })

  test.each([
    ['is not there', () => ({ NESTWIRE_CLUSTER_CREDS_FILE: NO_SUCH_FILE })],
    ['holds no credentials', () => withCreds('hello')],
    ['has a broken seed', () => withCreds(accounts.userCreds('chat').replace(/^SU.{8}/m, 'SUAAAAAAAA'))],
  ])('ends the start of a node whose file %s', async (_, env) => {
    expect(await problemAt(await startWithAccounts(), await env())).toMatch(/^NESTWIRE_CLUSTER_CREDS_FILE: /)
  })

  test('keeps a node away when they have expired, until its file holds new ones', async () => {
    const env = await withCreds(accounts.userCreds('chat'))
    const server = await startWithAccounts()
    const node = await openAt(server, env)
    await writeFile(env.NESTWIRE_CLUSTER_CREDS_FILE, accounts.userCreds('chat', Math.floor(Date.now() / 1_000) - 60))
    await server.stop()
    await server.restart()
    await expect.poll(() => node.log.fault()).toContain('(NESTWIRE_CLUSTER_CREDS_FILE)')
    await writeFile(env.NESTWIRE_CLUSTER_CREDS_FILE, accounts.userCreds('chat'))
    await expect.poll(() => node.log.fault()).toBeUndefined()
    await expect(append(node)).resolves.toBe(1)
  })

  test('has a node back whose file was damaged meanwhile', async () => {
    const env = await withCreds(accounts.userCreds('chat'))
    const server = await startWithAccounts()
    const node = await openAt(server, env)
    await writeFile(env.NESTWIRE_CLUSTER_CREDS_FILE, 'half of')
    await server.stop()
    await expect.poll(() => node.log.fault()).toBeDefined()
    await server.restart()
    await expect.poll(() => node.log.fault()).toBeUndefined()
    await expect(append(node)).resolves.toBe(1)
  })
})
