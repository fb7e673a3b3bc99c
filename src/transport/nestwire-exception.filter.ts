/**
 * For code that serves HTTP and Nestwire alike: answers what it throws for HTTP, and what zod throws, with codes of the
 * protocol, where Nest's own filter says "Internal server error". Over HTTP it is Nest's own filter.
 */
import { Catch, HttpException, HttpStatus, Optional, type ArgumentsHost } from '@nestjs/common'
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core'
import { BaseRpcExceptionFilter, RpcException } from '@nestjs/microservices'
import type { Observable } from 'rxjs'
import { z } from 'zod'
import { ErrorCode } from '../protocol/error-codes.js'
import { NestwireException } from './nestwire.exception.js'
import { badPayload } from './payload.pipe.js'

/** Other statuses below 500 are APPLICATION errors, with the exception's own body. */
const codes = new Map<number, ErrorCode>([
  [HttpStatus.BAD_REQUEST, ErrorCode.BadPayload],
  [HttpStatus.UNPROCESSABLE_ENTITY, ErrorCode.BadPayload],
  [HttpStatus.UNAUTHORIZED, ErrorCode.Forbidden],
  [HttpStatus.FORBIDDEN, ErrorCode.Forbidden],
  [HttpStatus.REQUEST_TIMEOUT, ErrorCode.DeadlineExceeded],
  [HttpStatus.PAYLOAD_TOO_LARGE, ErrorCode.MessageTooLarge],
  [HttpStatus.TOO_MANY_REQUESTS, ErrorCode.RateLimited],
])

@Catch()
export class NestwireExceptionFilter extends BaseRpcExceptionFilter {
  /** Injected where it is an `APP_FILTER`; needed for HTTP only. */
  constructor(@Optional() private readonly http?: HttpAdapterHost) {
    super()
  }

  override catch(exception: unknown, host: ArgumentsHost): Observable<never> {
    if (host.getType() === 'rpc') return super.catch(toRpcException(exception), host) as Observable<never>
    if (this.http === undefined) throw exception
    // Nest's type of a filter knows only what answers RPC.
    return new BaseExceptionFilter(this.http.httpAdapter).catch(exception, host) as unknown as Observable<never>
  }
}

/** What Nest's filter does not mask. Failures of the server stay as they are: they are logged, and masked. */
function toRpcException(exception: unknown): unknown {
  if (exception instanceof z.ZodError) return badPayload(exception)
  if (!(exception instanceof HttpException) || exception.getStatus() >= 500) return exception
  const code = codes.get(exception.getStatus())
  const body = exception.getResponse()
  if (code === undefined) return new RpcException(body)
  return new NestwireException(code, exception.message, { details: body, cause: exception })
}
