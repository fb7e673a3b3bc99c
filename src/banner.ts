/** What a person at the terminal reads once the server runs. Pure. */
import type { AddressInfo } from 'node:net'
import { DEFAULT_PORT } from './protocol/constants.js'

interface BannerFacts {
  readonly address: AddressInfo
  readonly httpAddress: AddressInfo
  /** With its own secret, the command line can make tokens. */
  readonly hasOwnSecret: boolean
  /** Which of the two speak TLS. */
  readonly tls: { readonly isOn: boolean; readonly isHttpOn: boolean }
}

export function bannerLines({ address, httpAddress, hasOwnSecret, tls }: BannerFacts): string[] {
  const url = `${tls.isOn ? 'nestwires' : 'nestwire'}://${reachable(address)}`
  const atUrl = url === `nestwire://127.0.0.1:${DEFAULT_PORT}` ? '' : ` --url ${url}`
  const chat = (user: string): string =>
    `npx nestwire chat ${hasOwnSecret ? `--user ${user}` : '--token TOKEN'} --room lobby${atUrl}`
  return [
    `Nestwire listens on ${url}, health on ${tls.isHttpOn ? 'https' : 'http'}://${reachable(httpAddress)}/health/ready`,
    `  chat:                 ${chat('alice')}`,
    `  in a second terminal: ${chat('bob')}`,
    '  to learn more:        README.md; for other languages docs/PROTOCOL.md',
  ]
}

/** An address a client on this machine can use: nobody connects to "every interface". */
function reachable({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `127.0.0.1:${port}`
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
