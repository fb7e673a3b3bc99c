import { Injectable, type PipeTransform } from '@nestjs/common'
import type { z } from 'zod'
import { ErrorCode } from '../protocol/error-codes.js'
import { NestwireException } from './nestwire.exception.js'

/** One thing that is wrong with a payload, in `details` of a BAD_PAYLOAD error. `path` is empty for the payload itself. */
export interface PayloadIssue {
  readonly path: string
  readonly message: string
}

/**
 * `@Payload(new PayloadPipe(schema))`: the handler gets what the schema made of the payload, or the caller BAD_PAYLOAD.
 * The schema must be synchronous. Issues never quote the value: a payload may hold a token.
 */
@Injectable()
export class PayloadPipe<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  constructor(private readonly schema: Schema) {}

  transform(value: unknown): z.output<Schema> {
    const parsed = this.schema.safeParse(value)
    if (parsed.success) return parsed.data
    throw badPayload(parsed.error)
  }
}

export function badPayload({ issues }: z.ZodError): NestwireException {
  const details: PayloadIssue[] = issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
  const [first] = details
  const where = first?.path ? `${first.path}: ` : ''
  return new NestwireException(ErrorCode.BadPayload, `${where}${first?.message ?? 'not acceptable'}`, { details })
}
