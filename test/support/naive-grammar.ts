/** The packets as `docs/PROTOCOL.md` prints them: kind, operation, correlated or not, allowed flags, fields. */
export interface NaiveRule {
  readonly kind: string
  readonly operation: number
  readonly correlated: boolean
  readonly priority: boolean
  readonly deadline: boolean
  readonly metadata: boolean
  readonly age: boolean
  /** `name:type`, in wire order. */
  readonly fields: readonly (readonly [name: string, type: string])[]
}

const GRANT = 'user:user session:session role:of3 expiresAtMs:u64 dedupWindowMs:u32 ticket:bytes16'

/** `kind operation marks : fields`; marks are c correlated, p priority, d deadline, m metadata, a age, - none. */
const grammar = `
hello    01 -    : minVersion:u32 maxVersion:u32 features:u32 agent:str8
welcome  02 -    : version:u32 features:u32 authentication:authentication connection:str8 limits:limits
auth     03 c    : redirects:u8 token:str16
authOk   04 c    : ${GRANT}
ping     05 c    :
pong     06 c    :
limits   07 -    : limits:limits
goAway   08 -    : code:u16 slotMs:u32 deadlineMs:u32 target:str16
close    09 -    : code:u16 retryAfterMs:u32 target:str16 message:str16
resume   0a c    : redirects:u8 ticket:bytes16 positions:epochPositions
resumed  0b c    : ${GRANT} rooms:resumedRooms
ticket   0c -    : expiresAtMs:u64 ticket:bytes16
position 0d -    : receivedBytes:u64 positions:positions
request  40 cpdm : deadlineMs:deadline metadata:metadata pattern:pattern body:rest
event    41 pm   : metadata:metadata pattern:pattern body:rest
reply    42 c    : body:rest
next     43 c    : body:rest
end      44 c    :
error    45 c    : code:u16 retryAfterMs:u32 message:str16 body:rest
cancel   46 c    :
join     50 c    : room:room
joined   51 c    : room:room epoch:u64 seq:u64 role:of2 members:u32
publish  52 cpa  : ageMs:age room:room messageId:id16 body:rest
ack      53 c    : seq:u64 timeMs:u64
deliver  54 -    : room:room epoch:u64 records:records
gap      55 -    : room:room epoch:u64 from:u64 to:u64 reason:of3
`

/** What one entry of a counted list holds. */
export const listFields: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  epochPositions: pairs('room:room epoch:u64 seq:u64'),
  resumedRooms: pairs('room:room epoch:u64 from:u64 to:u64 outcome:of3'),
  positions: pairs('room:room seq:u64'),
}

export const limitNames = [
  'maxFrameBytes',
  'maxInFlightRequests',
  'maxRoomsPerConnection',
  'pingIntervalMs',
  'idleTimeoutMs',
  'maxMessageBytes',
] as const

export const naiveRules: readonly NaiveRule[] = grammar.trim().split('\n').map(parseRule)

function parseRule(line: string): NaiveRule {
  const [head = '', fields = ''] = line.split(/ : ?/)
  const [kind = '', operation = '', marks = ''] = head.split(/ +/)
  return {
    kind,
    operation: Number.parseInt(operation, 16),
    correlated: marks.includes('c'),
    priority: marks.includes('p'),
    deadline: marks.includes('d'),
    metadata: marks.includes('m'),
    age: marks.includes('a'),
    fields: pairs(fields),
  }
}

function pairs(text: string): (readonly [string, string])[] {
  return text
    .split(' ')
    .filter((field) => field !== '')
    .map((field) => {
      const [name = '', type = ''] = field.split(':')
      return [name, type] as const
    })
}
