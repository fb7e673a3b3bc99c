/**
 * Packets to handlers: finds the route, decodes the body, runs the decorated handler (guards, pipes, interceptors and
 * filters are inside it) between Nest's processing hooks, and lets an `InFlightCall` answer.
 */
import type { BaseRpcContext, MessageHandler } from '@nestjs/microservices'
import { EMPTY, finalize, mergeMap } from 'rxjs'
import { BodyError, decodeBody } from '../protocol/body.js'
import { CloseCode } from '../protocol/close-codes.js'
import { Feature, Priority } from '../protocol/constants.js'
import { ErrorCode, errorCodeName } from '../protocol/error-codes.js'
import type { Auth, Cancel, Event, Join, Publish, Request, Resume } from '../protocol/packets.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { unreachable } from '../unreachable.js'
import type { AnyCompactRoute } from './compact-route.js'
import type { Connection } from './connection.js'
import type { ConnectionLog } from './connection-log.js'
import type { DispatchedPacket } from './connection-host.js'
import { InFlightCall, type CallHost, type CallShape } from './in-flight-call.js'
import { NestwireContext, type CallInfo } from './nestwire.context.js'
import { isAsyncIterable, letGoUnasked, maskedValues, streamIn } from './paced-values.js'
import { errorFrame } from './reply-frames.js'
import type { RouteTable } from './route-table.js'

/** The text of Nest's own transports, so that callers need not care which one answers. */
const NO_MESSAGE_HANDLER = 'There is no matching message handler defined in the remote service.'

/** `Server.runWithProcessingHooks`, which is protected there. */
type RunWithHooks = (context: BaseRpcContext, run: (end: () => void) => Promise<void>) => unknown

export interface CompactHandler {
  readonly handler: MessageHandler
  readonly pattern: string
  readonly toPayload: (packet: never) => unknown
  readonly toReply: (result: unknown, correlation: number) => Buffer
}

interface DispatcherOptions {
  readonly routes: RouteTable
  readonly compact: ReadonlyMap<AnyCompactRoute['packet'], CompactHandler>
  readonly callHost: CallHost & { readonly clock: { now(): number } }
  readonly log: ConnectionLog
  readonly runWithHooks: RunWithHooks
}

const INTERNAL_FAILURE = { status: 'error', message: 'Internal server error' }
const NORMAL_CALL: CallInfo = { metadata: undefined, priority: 'normal', deadlineAtMs: undefined }
const priorityNames: Readonly<Record<Priority, CallInfo['priority']>> = {
  [Priority.Normal]: 'normal',
  [Priority.High]: 'high',
  [Priority.Low]: 'low',
}

export class Dispatcher {
  constructor(private readonly options: DispatcherOptions) {}

  dispatch(connection: Connection, packet: DispatchedPacket): void {
    switch (packet.kind) {
      case 'request':
        return this.request(connection, packet)
      case 'publish':
      case 'join':
        return this.compact(connection, packet)
      case 'auth':
        return this.auth(connection, packet)
      case 'event':
        return this.event(connection, packet)
      case 'cancel':
        return this.cancel(connection, packet)
      case 'resume':
        return this.resume(connection, packet)
      default:
        unreachable(packet)
    }
  }

  private request(connection: Connection, packet: Request): void {
    refuseRepeat(connection, packet)
    const handler = this.options.routes.find(packet.pattern)
    const counters = this.options.callHost.requests.of(packet.pattern)
    counters.count += 1
    if (handler === undefined) {
      counters.failed(ErrorCode.NoHandler)
      return connection.reply(errorFrame(packet.correlation, ErrorCode.NoHandler, NO_MESSAGE_HANDLER))
    }
    let data: unknown
    try {
      data = decodeBody(packet.body)
    } catch (error) {
      counters.failed(ErrorCode.BadBody)
      return connection.reply(badBodyFrame(packet.correlation, error))
    }
    const info = this.callInfo(packet)
    const context = new NestwireContext([connection, packet.pattern, info])
    const call = new InFlightCall(this.options.callHost, connection, packet.correlation, { counters, context })
    ;(connection.calls ??= new Map()).set(packet.correlation, call)
    if (packet.deadlineMs !== undefined) {
      const { wheel } = this.options.callHost
      wheel.schedule(call, wheel.nowMs + packet.deadlineMs)
    }
    this.run(handler, data, { call, context })
  }

  private compact(
    connection: Connection,
    packet: Publish | Join | Auth | Resume,
    onSettled?: CallShape['onSettled'],
  ): void {
    refuseRepeat(connection, packet)
    const route = this.options.compact.get(packet.kind)
    if (route === undefined) {
      onSettled?.(false)
      return connection.reply(errorFrame(packet.correlation, ErrorCode.NoHandler, NO_MESSAGE_HANDLER))
    }
    const { toReply } = route
    const counters = this.options.callHost.requests.of(route.pattern)
    counters.count += 1
    const info = packet.kind === 'publish' ? this.callInfo(packet) : NORMAL_CALL
    const context = new NestwireContext([connection, route.pattern, info])
    const answered = { counters, context, toReply }
    const shape: CallShape = onSettled === undefined ? answered : { ...answered, onSettled }
    const call = new InFlightCall(this.options.callHost, connection, packet.correlation, shape)
    const data = route.toPayload(packet as never)
    this.run(route.handler, data, { call, context })
  }

  /** Nothing behind an AUTH is read until it is decided; a first AUTH that fails ends the connection. */
  private auth(connection: Connection, packet: Auth): void {
    connection.beginAuthentication()
    this.compact(connection, packet, (isSuccess, error) => {
      if (isSuccess && !connection.isHandshaking) connection.activate()
      else if (connection.isHandshaking) connection.close(CloseCode.AuthRejected, rejection(error))
      connection.finishAuthentication()
    })
  }

  /** Nothing behind it is read until it is decided. Of a ticket that is refused AUTH may still follow. */
  private resume(connection: Connection, packet: Resume): void {
    if ((connection.features & Feature.Resume) === 0) {
      return connection.reply(errorFrame(packet.correlation, ErrorCode.FeatureOff, 'WELCOME did not offer resume'))
    }
    connection.beginAuthentication()
    this.compact(connection, packet, (isSuccess) => {
      if (isSuccess && !connection.isHandshaking) connection.activate()
      else if (!connection.isHandshaking) connection.close(CloseCode.InternalError, 'the session was not resumed')
      connection.finishAuthentication()
    })
  }

  private event(connection: Connection, packet: Event): void {
    const context = new NestwireContext([connection, packet.pattern, this.callInfo(packet)])
    const handler = this.options.routes.find(packet.pattern)
    this.options.callHost.requests.of(packet.pattern).count += 1
    if (handler === undefined) return this.options.log.unknownEvent(context)
    let data: unknown
    try {
      data = decodeBody(packet.body)
    } catch {
      return // an event has no answer to say so in
    }
    connection.begin()
    this.runEvent(handler, data, { connection, context })
  }

  private cancel(connection: Connection, packet: Cancel): void {
    connection.calls?.get(packet.correlation)?.abandon()
  }

  private run(
    handler: MessageHandler,
    data: unknown,
    { call, context }: { readonly call: InFlightCall; readonly context: NestwireContext },
  ): void {
    const { log } = this.options
    this.withHooks(
      context,
      async (end) => {
        const result: unknown = await handler(data, context)
        if (call.isOver) {
          if (isAsyncIterable(result)) void letGoUnasked(result)
          return end()
        }
        const stream = streamIn(result, context.getConnection())
        if (stream !== undefined) {
          return call.follow(stream, { failed: (failure) => log.callFailed(context, data, failure), over: end })
        }
        call.reply(result)
        end()
      },
      () => call.fail(INTERNAL_FAILURE),
    )
  }

  private runEvent(
    handler: MessageHandler,
    data: unknown,
    { connection, context }: { readonly connection: Connection; readonly context: NestwireContext },
  ): void {
    const { log } = this.options
    let isOver = false
    const finish = (): void => {
      if (!isOver) connection.finish()
      isOver = true
    }
    this.withHooks(
      context,
      async (end) => {
        const result: unknown = await handler(data, context)
        const over = (): void => {
          end()
          finish()
        }
        const stream = streamIn(result, connection)
        if (stream === undefined) return over()
        // What a handler gave comes as a value from behind an interceptor. A failure must not become an unhandled error.
        stream
          .pipe(
            mergeMap((value) => (isAsyncIterable(value) ? maskedValues(value, connection) : EMPTY)),
            finalize(over),
          )
          .subscribe({ error: (failure) => log.callFailed(context, data, failure) })
      },
      finish,
    )
  }

  /**
   * Filters turn what handlers throw into Observables, so only a broken filter or hook gets to `failed`. The work must
   * not reject: whether anyone awaits it is up to the start hook.
   */
  private withHooks(context: NestwireContext, work: (end: () => void) => Promise<void>, failed: () => void): void {
    const broken = (error: unknown): void => {
      this.options.log.callBroken(context, error)
      failed()
    }
    try {
      const started = this.options.runWithHooks(context, (runEndHook) => {
        const end = (): void => this.endSafely(context, runEndHook)
        return work(end).catch((error: unknown) => {
          end()
          broken(error)
        })
      })
      // A start hook may be asynchronous, though Nest's types say otherwise.
      if (started instanceof Promise) started.catch(broken)
    } catch (error) {
      broken(error)
    }
  }

  /** An end hook often runs in a stream's teardown, where what it throws would end the process. */
  private endSafely(context: NestwireContext, runEndHook: () => void): void {
    try {
      runEndHook()
    } catch (error) {
      this.options.log.callBroken(context, error)
    }
  }

  private callInfo(packet: Request | Event | Publish): CallInfo {
    const metadata = packet.kind === 'publish' ? undefined : packet.metadata
    const deadlineMs = packet.kind === 'request' ? packet.deadlineMs : undefined
    if (metadata === undefined && deadlineMs === undefined && packet.priority === Priority.Normal) return NORMAL_CALL
    const deadlineAtMs = deadlineMs === undefined ? undefined : this.options.callHost.clock.now() + deadlineMs
    return { metadata, priority: priorityNames[packet.priority], deadlineAtMs }
  }
}

/** Among requests only: what is asked in compact form is answered soon, and nobody can cancel it. */
function refuseRepeat({ calls }: Connection, { correlation }: Request | Publish | Join | Auth | Resume): void {
  if (calls?.has(correlation) !== true) return
  throw new ProtocolError(CloseCode.CorrelationInUse, `correlation ${correlation} is in flight`)
}

/** For logs: one warning tells of many, and has to say whether tokens are old or forged. */
const rejection = (error: ErrorCode | undefined): string =>
  `authentication failed${error === undefined ? '' : `: ${errorCodeName(error)}`}`

function badBodyFrame(correlation: number, error: unknown): Buffer {
  const reason = error instanceof BodyError ? error.message : 'the body is no MessagePack'
  return errorFrame(correlation, ErrorCode.BadBody, reason)
}
