/** Sockets are reset between being offered a batch and being written to: the write itself finds out. */
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomOf } from '../support/example-packets.js'
import { besideBystanders, type Scene } from './bystanders.js'
import { userId } from '../delivery/names.js'

const VICTIMS = 40
const ROUNDS = 5

/** The server's ends of the sockets that come from now on, and which of their errors came from a write. */
function observeSockets({ server }: Scene): { readonly failedWrites: () => number } {
  let failedWrites = 0
  server.unwrap<{ on(event: 'connection', listener: (socket: Socket) => void): void }>().on('connection', (socket) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'write') failedWrites += 1
    })
  })
  return { failedWrites: () => failedWrites }
}

test('those reset are gone without a trace, and everybody else hears every message once', () =>
  besideBystanders(
    async (scene) => {
      const { mallory, alice, bob, app } = scene
      const router = app.get(BackpressureRouter, { strict: false })
      const { failedWrites } = observeSockets(scene)
      for (let round = 0; round < ROUNDS; round += 1) {
        const crowd = await Promise.all(Array.from({ length: VICTIMS }, mallory))
        const survivors = crowd.filter((_, index) => index % 2 === 0)
        // While the server's poll phase lasts: the slice that delivers comes right after it, before any news of a reset.
        await new Promise<void>((resolve) => {
          alice.socket.once('data', () => {
            for (const member of crowd) if (!survivors.includes(member)) member.reset()
            const record = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(`round ${round}`) }
            void router.append(roomOf('lobby'), record, 'normal').then(() => resolve())
          })
          alice.send({ kind: 'ping', correlation: 77_000 + round })
        })
        await alice.find(({ kind }) => kind === 'pong')
        for (const person of [alice, bob, ...survivors]) await person.hears('lobby', [`round ${round}`])
        for (const member of survivors) member.reset()
        await expect.poll(() => scene.sessionCount()).toBe(2)
        expect([router.heldBytes, router.laggingConnections]).toEqual([0, 0])
      }
      expect(failedWrites()).toBeGreaterThan(0)
    },
    { NESTWIRE_LOG_ENGINE: 'memory' },
  ))
