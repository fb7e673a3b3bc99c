/** Events: who hears them, in which order, and what becomes of those that fail or that nobody awaits. */
import { Controller, Injectable } from '@nestjs/common'
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import { Observable, lastValueFrom } from 'rxjs'
import { expect, test } from 'vitest'
import { Journal } from '../nest-apps.js'
import { NESTWIRE, TCP, differs, onBoth, outcomeOf, startMicroservice, type Transported } from './transports.js'

@Controller()
@Injectable()
class EventsController {
  constructor(private readonly journal: Journal) {}
  @EventPattern('happened')
  happened(@Payload() data: unknown): void {
    this.journal.note(`happened ${JSON.stringify(data)}`)
  }
  @EventPattern({ kind: 'object', id: 1 })
  happenedToObject(_data: unknown): void {
    this.journal.note('by object')
  }
  @EventPattern('shared')
  sharedFirst(_data: unknown): void {
    this.journal.note('first handler')
  }
  @EventPattern('shared')
  sharedSecond(_data: unknown): void {
    this.journal.note('second handler')
  }
  @EventPattern('fails')
  fails(_data: unknown): void {
    this.journal.note('failing')
    throw new Error('nobody hears it')
  }
  @EventPattern('cold')
  cold(_data: unknown): Observable<void> {
    return new Observable((subscriber) => {
      this.journal.note('subscribed')
      subscriber.complete()
    })
  }
  @EventPattern('answers')
  answers(_data: unknown): string {
    return 'an answer of an event handler'
  }
  @MessagePattern('request')
  request(): string {
    this.journal.note('request handler')
    return 'answer'
  }
  @MessagePattern('notes')
  notes(): string[] {
    return this.journal.take()
  }
}

const module = { controllers: [EventsController], providers: [Journal] }

/** Emits one after the other, then asks what was noted. */
async function notesAfter(transport: Transported, events: readonly (readonly [pattern: unknown, data: unknown])[]) {
  const { client } = await startMicroservice(transport, module)
  await client.connect()
  for (const [pattern, data] of events) client.emit(pattern, data)
  return lastValueFrom(client.send<string[]>('notes', 0))
}

onBoth((transport) => {
  test('carries events in the order of their sending', async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index)
    const notes = await notesAfter(
      transport,
      numbers.map((number) => ['happened', number]),
    )
    expect(notes).toEqual(numbers.map((number) => `happened ${number}`))
  })

  test('an event goes out without a subscriber, and settles without a value', async () => {
    const { client } = await startMicroservice(transport, module)
    expect(await lastValueFrom(client.emit('happened', { n: 1 }), { defaultValue: 'none' })).toBeUndefined()
    expect(await lastValueFrom(client.send('notes', 0))).toEqual(['happened {"n":1}'])
  })

  test('an event that waited for the connection arrives before what is sent after it', async () => {
    const { client } = await startMicroservice(transport, module)
    client.emit('happened', 'first')
    await client.connect()
    client.emit('happened', 'second')
    expect(await lastValueFrom(client.send('notes', 0))).toEqual(['happened "first"', 'happened "second"'])
  })

  test('every handler of an event hears it', async () => {
    expect(await notesAfter(transport, [['shared', 0]])).toEqual(['first handler', 'second handler'])
  })

  test('an object pattern is heard whatever the order of its keys', async () => {
    expect(await notesAfter(transport, [[{ id: 1, kind: 'object' }, 0]])).toEqual(['by object'])
  })

  test('an event that fails, or that nobody handles, disturbs no other', async () => {
    const events = [
      ['fails', 0],
      ['nobody.listens', 0],
      ['happened', 'after'],
    ] as const
    expect(await notesAfter(transport, events)).toEqual(['failing', 'happened "after"'])
  })

  test('the Observable of an event handler is subscribed to', async () => {
    const { app, client } = await startMicroservice(transport, module)
    client.emit('cold', 0)
    await expect.poll(() => app.get(Journal).notes).toEqual(['subscribed'])
  })

  test('a request handler hears an event of its pattern, and an event handler answers a request', async () => {
    expect(await notesAfter(transport, [['request', 0]])).toEqual(['request handler'])
    const { client } = await startMicroservice(transport, module)
    expect(await outcomeOf(client, 'answers')).toEqual({ values: ['an answer of an event handler'] })
  })
})

@Controller()
class Twice {
  @MessagePattern('twice')
  first(): string {
    return 'first'
  }
  @MessagePattern('twice')
  second(): string {
    return 'second'
  }
}

differs('twoHandlers', {
  TCP: async () => {
    const { client } = await startMicroservice(TCP, { controllers: [Twice] })
    expect(await outcomeOf(client, 'twice')).toEqual({ values: ['second'] })
  },
  Nestwire: async () =>
    expect(startMicroservice(NESTWIRE, { controllers: [Twice] })).rejects.toThrow(
      'twice has two handlers, @MessagePattern and @MessagePattern: only one of them would ever be called',
    ),
})
