import { readFileSync } from 'node:fs'
import { PATTERN_METADATA } from '@nestjs/microservices/constants.js'
import { describe, expect, test } from 'vitest'
import { AuthController } from '../../src/auth/auth.controller.js'
import { chatPayloads, chatReplies } from '../../src/chat/chat.contract.js'
import { ChatController } from '../../src/chat/chat.controller.js'
import { clusterPayloads } from '../../src/cluster/cluster.contract.js'
import { ClusterController } from '../../src/cluster/cluster.controller.js'
import { ErrorCode, errorCodeName } from '../../src/protocol/error-codes.js'
import { ResumeController } from '../../src/resume/resume.controller.js'
import { roomsEvents, roomsPayloads, roomsReplies } from '../../src/rooms/rooms.contract.js'
import { RoomsController } from '../../src/rooms/rooms.controller.js'

const document = readFileSync(new URL('../../docs/PATTERNS.md', import.meta.url), 'utf8')
const sections = new Map(
  document
    .split(/^### /m)
    .slice(1)
    .map((section) => [/^`([^`]+)`/.exec(section)?.[1] ?? section, section]),
)

/** The patterns that Nest would register. */
function patternsOf(controller: { readonly prototype: object }): readonly string[] {
  return Object.values(Object.getOwnPropertyDescriptors(controller.prototype)).flatMap(({ value }): string[] => {
    const patterns: unknown = typeof value === 'function' ? Reflect.getMetadata(PATTERN_METADATA, value) : undefined
    return Array.isArray(patterns) ? patterns.map(String) : []
  })
}
const controllers = [AuthController, ResumeController, RoomsController, ChatController, ClusterController]
const REGISTERED = 18
const payloads = { ...roomsPayloads, ...chatPayloads, ...clusterPayloads }

describe('docs/PATTERNS.md', () => {
  test('has a section for each pattern and event, and no other', () => {
    const registered = controllers.flatMap(patternsOf)
    expect(registered).toHaveLength(REGISTERED)
    expect([...sections.keys()].toSorted()).toEqual([...registered, 'rooms.left', 'rooms.presence'].toSorted())
  })

  test('the controllers register what the contracts describe', () => {
    const registered = [RoomsController, ChatController, ClusterController].flatMap(patternsOf)
    expect(registered.toSorted()).toEqual(Object.keys(payloads).toSorted())
  })

  test.each(Object.entries(payloads))('names every field of the payload of %s', (pattern, schema) => {
    const object = 'unwrap' in schema ? schema.unwrap() : schema
    const row = /^\| payload +\|(.*)\|$/m.exec(sections.get(pattern) ?? '')?.[1] ?? ''
    for (const field of Object.keys(object.shape)) expect(row).toContain(`\`${field}\``)
  })

  test.each(Object.entries({ ...roomsReplies, ...chatReplies }))(
    'names every field of the reply of %s',
    (pattern, schema) => {
      const row = /^\| reply +\|(.*)\|$/m.exec(sections.get(pattern) ?? '')?.[1] ?? ''
      for (const field of Object.keys(schema.unwrap().shape)) expect(row).toContain(`\`${field}\``)
    },
  )

  test.each(Object.entries(roomsEvents))('names every field of the event %s', (pattern, schema) => {
    const row = /^\| (?:body|event) +\|(.*)\|$/m.exec(sections.get(pattern) ?? '')?.[1] ?? ''
    for (const field of Object.keys(schema.unwrap().shape)) expect(row).toContain(`\`${field}\``)
  })

  test('names only error codes that exist', () => {
    const known = Object.values(ErrorCode).map(errorCodeName)
    for (const section of sections.values()) {
      const row = /^\| errors +\|(.*)\|$/m.exec(section)?.[1] ?? ''
      for (const [code] of row.matchAll(/[A-Z]+(?:_[A-Z]+)+|\bBANNED\b|\bFORBIDDEN\b/g)) expect(known).toContain(code)
    }
  })

  test('says of each request what it takes, answers, refuses and from whom', () => {
    for (const pattern of [...Object.keys(payloads), 'auth.login', 'auth.resume', 'auth.revoke', 'auth.whoami']) {
      const section = sections.get(pattern) ?? ''
      for (const row of ['payload', 'reply', 'errors', 'who'])
        expect(section).toMatch(new RegExp(`^\\| ${row} +\\|`, 'm'))
    }
  })
})
