/** Somebody who asks `/admin` over HTTP with headers of their choice, which `fetch` would not send. */
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import type { TestApp } from '../support/running-app.js'

export interface AdminAnswer {
  readonly status: number | undefined
  readonly body: unknown
}

export interface AdminQuestion {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
}

export function askAdmin(
  { httpAddress }: Pick<TestApp, 'httpAddress'>,
  path: string,
  { method = 'GET', headers = {} }: AdminQuestion = {},
): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: httpAddress.port, path, method, headers, agent: false }
    const asking = request(options, (response) => {
      json(response).then((body) => resolve({ status: response.statusCode, body }), reject)
    })
    asking.on('error', reject)
    asking.end()
  })
}

export const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` })
