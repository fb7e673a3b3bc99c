/**
 * Where an application that moves from Nest's TCP transport to Nestwire finds another behaviour, and why. Each row is
 * proven on both transports by `differs(name, …)` in a spec of this folder, and is a row of
 * `docs/nest/migration-from-tcp.md`: a test compares them.
 */
export interface Difference {
  readonly behaviour: string
  readonly tcp: string
  readonly nestwire: string
  readonly why: string
}

export const differences = {
  dates: {
    behaviour: 'Dates, `NaN` and infinities in payloads',
    tcp: 'come as strings and `null`',
    nestwire: 'come as what they were',
    why: 'MessagePack has them; JSON has not',
  },
  bytes: {
    behaviour: 'Buffers in payloads',
    tcp: 'come as `{ type: "Buffer", data: […] }`, four times as large',
    nestwire: 'come as Buffers, byte for byte',
    why: 'binary payloads need no `socketClass` of your own',
  },
  holesInStreams: {
    behaviour: '`undefined` within a stream',
    tcp: 'is a value of the stream',
    nestwire: 'is left out',
    why: 'a value that is none is not sent; send `null` to say "nothing"',
  },
  functions: {
    behaviour: 'Functions and symbols in payloads',
    tcp: 'vanish without a word',
    nestwire: 'fail their call (`BAD_FIELD` from the caller, `INTERNAL` from a handler)',
    why: 'what cannot arrive is a mistake, and the call is the place to hear of it',
  },
  bigints: {
    behaviour: 'Bigints in payloads',
    tcp: 'fail the call with a `TypeError`',
    nestwire: 'come as bigints where numbers are not exact, up to 64 bits',
    why: 'MessagePack has 64-bit integers',
  },
  patternsThatReadAsJson: {
    behaviour: "A string pattern that reads as JSON (`'null'`, `'42'`)",
    tcp: 'is never found',
    nestwire: 'is found',
    why: 'patterns are looked up as they were registered',
  },
  largePayloads: {
    behaviour: 'Payloads above 64 KiB',
    tcp: 'pass, up to 128 MB of characters that a caller may make the server hold',
    nestwire: 'fail their call with `FRAME_TOO_LARGE`, unless `maxFrameBytes` is raised (to 1 MiB at most)',
    why: 'each connection has a bound; send what is larger as a stream of parts',
  },
  twoHandlers: {
    behaviour: 'Two `@MessagePattern` handlers for one pattern',
    tcp: 'the last one wins, without a word',
    nestwire: 'refuse the start, naming the pattern',
    why: 'a handler that is never called is a mistake; several `@EventPattern` handlers are fine on both',
  },
  rawErrors: {
    behaviour: 'An `Error` that a filter of yours passes on as it is',
    tcp: 'comes as `{}`',
    nestwire: "comes as `{ status: 'error', message }`",
    why: 'JSON shows no field of an `Error`, and the caller learns nothing',
  },
  contexts: {
    behaviour: 'The context (`@Ctx()`)',
    tcp: '`TcpContext` with `getSocketRef()`',
    nestwire:
      '`NestwireContext` with `getConnection()`, `getPrincipal()`, `getDeadlineAtMs()`, `signal`; `getPattern()` and `getMetadata()` as before',
    why: 'a handler must not write to a socket that others share',
  },
  unsubscribing: {
    behaviour: 'Unsubscribing from a call',
    tcp: 'is told to nobody: the handler works on',
    nestwire: "cancels it: the handler's Observable is torn down",
    why: 'work that nobody awaits is wasted',
  },
  callsWithoutAnswer: {
    behaviour: 'A call that is not over after 30 s, a stream too',
    tcp: 'goes on',
    nestwire:
      'fails with `DEADLINE_EXCEEDED` and is stopped at the server; `callTimeoutMs` is another time, for each pattern if you like, or 0 for none',
    why: 'a caller that waits for ever is a leak at both ends; give streams that are meant to last their own time',
  },
  callsBeyondThoseTaken: {
    behaviour: 'More than 1,022 calls in flight',
    tcp: 'pile up in the server',
    nestwire:
      'wait in the client until others are answered, 65,536 of them and each for 15 s at most, then fail with `POOL_EXHAUSTED`; `maxInFlightRequests` of the server and `connections.max` of the client raise it',
    why: 'each connection has a bound, and the caller hears of it',
  },
  callersThatAreGone: {
    behaviour: 'A stream whose caller has lost its connection',
    tcp: 'goes on without end',
    nestwire: 'is torn down',
    why: 'else each lost caller leaves its subscription behind',
  },
  errorsOfConnections: {
    behaviour: 'What a call fails with when its connection is lost',
    tcp: "`Error('Connection closed')`",
    nestwire:
      'an `Error` with a `code`: `CONNECTION_LOST`, `CLOSED` (by this client), `SHUTTING_DOWN`, …, and the `cause` if there is one',
    why: 'a caller can tell what to repeat',
  },
  callsInFlightAtShutdown: {
    behaviour: 'Calls in flight when the server closes',
    tcp: 'fail with `Connection closed`',
    nestwire: 'finish, within `drainTimeoutMs`',
    why: 'a deployment loses no work',
  },
  callsDuringShutdown: {
    behaviour: 'Calls while the server closes',
    tcp: 'fail with `Connection closed`',
    nestwire: "fail with `{ status: 'error', code: 'DRAINING' }`, or go to another server if the client has one",
    why: 'nothing of them was done, and the caller may know it',
  },
  serializers: {
    behaviour: 'A `serializer` or `deserializer` of yours',
    tcp: 'is used',
    nestwire: 'is no option; the compiler says so',
    why: 'the encoding is part of the protocol, which clients in other languages speak; `setOnDispatchHook` carries what belongs beside the payload',
  },
  certificatesOfServers: {
    behaviour: 'TLS of a client',
    tcp: '`tlsOptions`, in which `rejectUnauthorized: false` trusts any server',
    nestwire: '`tls`, in which there is no such option; of a server `tlsOptions`, as on TCP',
    why: 'a certificate that nobody checks protects from nobody; name your authority by `ca`',
  },
  connectOverTls: {
    behaviour: '`connect()` to a server whose certificate is not good',
    tcp: 'resolves; the first call fails with `Connection closed`',
    nestwire: 'rejects with the reason, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`',
    why: 'connected means that calls may be made',
  },
} as const satisfies Readonly<Record<string, Difference>>

export type DifferenceName = keyof typeof differences
