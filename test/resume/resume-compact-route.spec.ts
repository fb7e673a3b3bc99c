import { expect, test } from 'vitest'
import { authCompactRoute } from '../../src/auth/auth-compact-route.js'
import { trustedEpoch, trustedSeq, trustedSessionId } from '../../src/protocol/ids.js'
import { ResumeOutcome, WireRole, type ResumedRoom } from '../../src/protocol/packets.js'
import { ResumeCall } from '../../src/resume/resume-call.js'
import { resumeCompactRoute } from '../../src/resume/resume-compact-route.js'
import { ResumePipe } from '../../src/resume/resume.pipe.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal } from '../rooms/room-stack.js'
import { receivePackets } from '../support/deliveries.js'

const lobby: ResumedRoom = {
  room: roomId('lobby'),
  epoch: trustedEpoch(9),
  from: trustedSeq(3),
  to: trustedSeq(7),
  outcome: ResumeOutcome.Whole,
}
const session = trustedSessionId('0123456789abcdefghijkl')
const login = {
  user: userId('alice'),
  username: 'Alice',
  session,
  role: 'service',
  expiresAtMs: 5,
  dedupWindowMs: 6,
  ticket: Buffer.from('ticket'),
}
const granted = {
  correlation: 4,
  user: 'alice',
  session,
  role: WireRole.Service,
  expiresAtMs: 5,
  dedupWindowMs: 6,
  ticket: Buffer.from('ticket'),
}
const packetsIn = (frame: Buffer): readonly unknown[] => receivePackets([frame], {}).items

test('a login is answered with AUTH_OK', () => {
  expect(packetsIn(authCompactRoute.toReply(login, 4))).toEqual([{ kind: 'authOk', ...granted }])
})

test('a resume is answered with RESUMED', () => {
  const frame = resumeCompactRoute.toReply({ ...login, rooms: [lobby] }, 4)
  expect(packetsIn(frame)).toEqual([{ kind: 'resumed', ...granted, rooms: [lobby] }])
})

test.each([undefined, null, {}, { ...login, ticket: 'text' }, { ...login, role: 'king' }, { ...login, session: 1 }])(
  'no answer is made of %j',
  (result) => {
    expect(() => authCompactRoute.toReply(result, 4)).toThrow(TypeError)
    expect(() => resumeCompactRoute.toReply(result, 4)).toThrow(TypeError)
  },
)

test('no RESUMED is made of a login alone', () => {
  expect(() => resumeCompactRoute.toReply(login, 4)).toThrow(TypeError)
})

test('the pipe passes on what a RESUME carried, and nothing else', () => {
  const call = resumeCompactRoute.toPayload({
    kind: 'resume',
    correlation: 4,
    redirects: 1,
    ticket: login.ticket,
    positions: [],
  })
  expect(call).toEqual(new ResumeCall(1, login.ticket, []))
  expect(new ResumePipe().transform(call)).toBe(call)
  const refused = (): unknown => {
    try {
      return new ResumePipe().transform({ ticket: login.ticket, positions: [] })
    } catch (error) {
      return error
    }
  }
  expect(refused()).toEqual(refusal('FORBIDDEN'))
})
