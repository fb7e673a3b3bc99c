/** Which requests come from a program on this machine, rather than through one that acts for somebody else. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

/** `::ffff:` is how a listener on `::` sees addresses of IPv4. */
const LOOPBACK_ADDRESS = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/
/** The name that was asked for: one that somebody else's DNS points here (rebinding) is none of these. */
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
/** What proxies and browsers add: whoever stands behind them may be anybody. */
const FOR_SOMEBODY_ELSE = /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|origin|sec-fetch-site)$/

export interface RequestOrigin {
  readonly remoteAddress: string | undefined
  /** Names in small letters, as Node gives them. */
  readonly headers: IncomingHttpHeaders
}

export function isLoopbackRequest({ remoteAddress = '', headers }: RequestOrigin): boolean {
  return (
    LOOPBACK_ADDRESS.test(remoteAddress) &&
    LOOPBACK_HOST.test(headers.host ?? '') &&
    !Object.keys(headers).some((name) => FOR_SOMEBODY_ELSE.test(name))
  )
}
