import type { Role } from '../../src/transport/authentication.js'
import type { TestApp } from '../support/running-app.js'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Question {
  readonly method?: string
  /** Of who asks; `undefined`: nobody knows who. Default: an admin. */
  readonly role?: Role | undefined
}

/** What `/admin` answers to somebody with a token of that role. */
export async function asks(app: TestApp, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', role } = { role: 'admin' as const, ...question }
  const authorization = role === undefined ? undefined : `Bearer ${await app.tokenOf('operator', { role })}`
  const response = await fetch(`http://127.0.0.1:${app.httpAddress.port}/admin/${path}`, {
    method,
    headers: authorization === undefined ? {} : { authorization },
  })
  return { status: response.status, body: await response.json() }
}
