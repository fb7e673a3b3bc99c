/**
 * Names that are not what they look like. What must hold: a name that has invisible or turning characters, or of which there
 * is a twin in another normal form, is no name; so two names that are equal to Unicode are one, and none can move a
 * cursor. Letters that merely look alike are different names, as they are to Unicode.
 */
import { request } from '../../support/client-packets.js'
import { frame } from '../../faults/wire-bytes.js'
import type { Attack } from '../attack.js'

const tricks: readonly string[] = [
  'lob\u202eyb',
  '\u2066lobby\u2069',
  'lob\u200bby',
  'lob\u200dby',
  'lobby\u00ad',
  '\ufefflobby',
  'lobby\u0000',
  'lob\u001b[2Jby',
  'lob\r\nby',
  'cafe\u0301',
  '\u212bngstrom',
  ' lobby',
  'lobby\u00a0',
  'lobby\u3000',
  '\ue000',
  '\u{e0041}',
  '\u180e',
  '\u3164',
  '\u115f',
  '\u2800',
  'lobby\ufe0f',
  'lobby\u034f',
  'lob\u{e0100}by',
]
const bytes: Readonly<Record<string, string>> = {
  'a lone surrogate': 'eda080',
  'a surrogate pair in six bytes': 'eda081edb080',
  'an overlong slash': 'c0af',
  'an overlong NUL': 'c080',
  'beyond Unicode': 'f4908080',
  'a cut sequence': 'e28f',
}
const joinOf = (name: Buffer): Buffer => frame(2, Buffer.concat([Buffer.of(0x50, 0, 0, 0, 0, 1, name.length), name]))

export const nameTricks: Attack = {
  name: 'unicode tricks in names',
  metrics: [
    { name: 'nestwire_closes_total', labels: { code: 'BadField' }, least: 6 },
    { name: 'nestwire_request_errors_total', labels: { code: 'BAD_PAYLOAD' }, least: 300 },
  ],
  async run(scene) {
    const { tally } = scene
    const member = await scene.login('trickster')
    const rounds = scene.size(20, 500)
    for (let round = 0; round < rounds; round += 1) {
      await member.askAll(tricks.map((room) => (correlation) => request('rooms.join', { room }, correlation)))
    }
    const refused = tally.refusedWith('BAD_PAYLOAD') + tally.refusedWith('BAD_BODY')
    scene.expect(refused === rounds * tricks.length, `${refused} names refused: ${tally.describe()}`)

    for (const [index, hex] of Object.values(bytes).entries()) {
      const other = await scene.login(`trickster-${index}`)
      other.sendBytes(joinOf(Buffer.from(hex, 'hex')))
      await other.ended
    }
    const closed = tally.closedWith('BadField')
    scene.expect(closed === Object.keys(bytes).length, `${closed} byte tricks closed: ${tally.describe()}`)

    const twin = await member.ask((correlation) => request('rooms.join', { room: 'caf\u00e9' }, correlation))
    scene.expect(twin?.kind === 'reply', 'a name in its normal form was refused')
  },
}
