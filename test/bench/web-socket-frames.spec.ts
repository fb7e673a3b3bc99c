import { expect, test } from 'vitest'
import { TEXT_FRAME, webSocketFrame } from '../../bench/load/rival-dialects.js'
import { WebSocketFrames } from '../../bench/load/web-socket-frames.js'
import { deliveries } from '../support/deliveries.js'

const texts = ['', 'short', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(2_000)]
const wire = Buffer.concat(texts.map((text) => webSocketFrame(TEXT_FRAME, Buffer.from(text), false)))

test.each(Object.entries(deliveries))('frames of every size come out whole, %s', (_, cut) => {
  const frames = new WebSocketFrames()
  const read: string[] = []
  for (const chunk of cut(wire)) for (const { body } of frames.push(Buffer.from(chunk))) read.push(body.toString())
  expect(read).toEqual(texts)
})
