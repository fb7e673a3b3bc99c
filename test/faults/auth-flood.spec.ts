import { expect, test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { errorCodeName } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'
import { auth } from '../support/chat-user.js'
import { RawClient } from '../support/raw-client.js'
import { besideBystanders } from './bystanders.js'

const correlationsOf = (packets: readonly Packet[]): number[] =>
  packets.map((packet) => ('correlation' in packet ? packet.correlation : 0))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

test('many AUTHs in one write are a login and refreshes, answered in order', () =>
  besideBystanders(async ({ greeted, tokenOf, sessionCount }) => {
    const client = await greeted()
    const token = await tokenOf('mallory')
    client.send(...upTo(200).map((correlation) => auth(token, correlation)))
    await expect.poll(() => client.inbox.length).toBe(200)
    expect(new Set(client.inbox.map(({ kind }) => kind))).toEqual(new Set(['authOk']))
    expect(correlationsOf(client.inbox)).toEqual(upTo(200))
    expect(sessionCount()).toBe(3)
    client.reset()
  }))

test('of many wrong tokens in one write the first is answered and ends the connection', () =>
  besideBystanders(async ({ greeted }) => {
    const client = await greeted()
    client.send(...upTo(200).map((correlation) => auth('nonsense', correlation)))
    const error = await client.expect('error')
    expect(error.correlation).toBe(1)
    expect(errorCodeName(error.code)).toBe('TOKEN_INVALID')
    await client.expectClosed('AuthRejected')
    client.end()
  }))

test('wrong tokens after login are answered one by one and the session lives', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    client.send(...upTo(200).map((index) => auth('nonsense', 1_000 + index)))
    await expect.poll(() => client.inbox.length).toBe(200)
    expect(correlationsOf(client.inbox)).toEqual(upTo(200).map((index) => 1_000 + index))
    client.inbox.length = 0
    expect(await client.request('auth.whoami')).toMatchObject({ user: 'mallory' })
    client.reset()
  }))

test('10,000 AUTHs in one write starve nobody', () =>
  besideBystanders(async ({ greeted, tokenOf, chatter, alice }) => {
    const client = await greeted()
    const one = encodePacket(auth(await tokenOf('mallory'), 1))
    client.sendBytes(Buffer.concat(Array.from({ length: 10_000 }, () => one)))
    await client.find(({ kind }) => kind === 'authOk')
    await chatter()
    await alice.expectNothing()
    expect(client.inbox.length).toBeLessThan(5_000)
    await expect.poll(() => client.inbox.length, { timeout: 15_000 }).toBe(9_999)
    client.reset()
  }))

test('300 connections with wrong tokens at once are all refused, and a right one gets in', () =>
  besideBystanders(async ({ port, greeted, tokenOf, chatter }) => {
    const crowd = await Promise.all(Array.from({ length: 300 }, () => RawClient.greeted(port)))
    const wrong = `${(await tokenOf('mallory')).slice(0, -4)}AAAA`
    for (const client of crowd) client.send(auth(wrong, 1))
    const honest = await greeted()
    await honest.ask(auth(await tokenOf('mallory'), 1), 'authOk')
    await chatter()
    for (const client of crowd) {
      await client.expect('error')
      await client.expectClosed('AuthRejected')
      client.end()
    }
    honest.reset()
  }))
