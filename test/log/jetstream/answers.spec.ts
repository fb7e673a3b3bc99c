/** What JetStream says in subjects, headers and JSON. */
import { headers } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { numbersOfAck } from '../../../src/log/jetstream/ack-subject.js'
import { readPubAck } from '../../../src/log/jetstream/pub-ack.js'

describe('the reply subject of a message', () => {
  test('tells where it stands, in the form of 2.9', () => {
    expect(numbersOfAck('$JS.ACK.nestwire-log.u68T6i9F.1.10.3.1795869943922621266.1')).toEqual({
      seq: 10,
      delivered: 3,
      pending: 1,
    })
  })

  test('tells the same in the longer form', () => {
    expect(numbersOfAck('$JS.ACK.hub.aHash.nestwire-log.u68T6i9F.1.10.3.1795869943922621266.1.x7')).toEqual({
      seq: 10,
      delivered: 3,
      pending: 1,
    })
  })

  test.each([undefined, '', '_INBOX.1', '$JS.ACK.a.b.1.2.3.4', '$JS.ACK.a.b.1.x.3.4.5'])('%s is none', (subject) => {
    expect(numbersOfAck(subject)).toBeUndefined()
  })
})

describe('the answer to a publish', () => {
  const answer = (text: string) => readPubAck({ string: () => text })

  test('is where the message stands', () => {
    expect(answer('{"stream":"s","seq":7}')).toEqual({ kind: 'stored', seq: 7, isDuplicate: false })
    expect(answer('{"stream":"s","seq":7,"duplicate":true}')).toEqual({ kind: 'stored', seq: 7, isDuplicate: true })
  })

  test('is a refusal that may pass', () => {
    const away = '{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}'
    expect(answer(away)).toEqual({
      kind: 'refused',
      why: 'the stream refuses: JetStream system temporarily unavailable',
      isFinal: false,
    })
  })

  test('is a refusal for want of space', () => {
    const full = '{"error":{"code":503,"err_code":10047,"description":"insufficient storage resources available"}}'
    expect(answer(full)).toMatchObject({ kind: 'refused', isFinal: true })
  })

  test('is another last message than expected', () => {
    expect(answer('{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}')).toEqual({
      kind: 'otherLast',
    })
  })

  test('without a leader nobody answers', () => {
    const nobody = headers(503, 'No Responders')
    expect(readPubAck({ headers: nobody, string: () => '' })).toMatchObject({ kind: 'refused', isFinal: false })
  })

  test.each(['', 'not JSON', '[]', 'null', '{"seq":"7"}', '{"seq":0}', '{"error":3}'])('%j is a refusal', (text) => {
    expect(answer(text)).toMatchObject({ kind: 'refused', isFinal: false })
  })
})
