/** Everything that a run may be guilty of, one name each. */
export const violationKinds = {
  lost: 'an acknowledged message is not where it was acknowledged, nor anywhere',
  misplaced: 'a message stands elsewhere than where it was acknowledged',
  seqReused: 'one seq stands for two contents',
  loggedTwice: 'one message stands in the log twice',
  orderDiffers: 'two readers do not agree on what comes after what',
  shownTwice: 'a reader was given again what it had',
  silentHole: 'records are missing, and no GAP said so',
  falseGap: 'a GAP that is not true',
  dishonestResume: 'RESUMED promised something else than what came',
  wrongClose: 'a connection was closed with a code that nothing called for',
  sentRound: 'a client was sent from server to server',
  membershipLost: 'a member came back and was none',
  ticketRefused: 'a ticket that the server had given was refused',
  epochChanged: 'a room began anew',
  foreign: 'a record that nobody sent',
  refusedButLogged: 'a message that was refused as not logged stands in the log',
  senderOrder: 'messages of one sender stand in another order than they were sent',
  behind: 'a reader did not come to the end of the room',
  logDiffers: 'the log holds something else than what was delivered',
  unanswered: 'a message was never answered',
  misbehaved: 'the server did what the protocol forbids',
} as const

export type ViolationKind = keyof typeof violationKinds

export interface Violation {
  readonly kind: ViolationKind
  readonly details: string
}
