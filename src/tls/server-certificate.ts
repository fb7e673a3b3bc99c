/**
 * The certificate of this server with its key: read once at the start and once at each reload, for all ports that show it. A
 * renewal in the middle of a reload gives them all the old pair or the new one, never one port another than the next.
 */
import type { TlsOptions } from 'node:tls'
import type { Settings } from '../config/settings.js'
import { readTlsFiles } from './tls-files.js'

/** `undefined`: TLS is off. */
type Keeper = (options: TlsOptions | undefined) => void

export class ServerCertificate {
  private readonly keepers: Keeper[] = []

  private constructor(private options: TlsOptions | undefined) {}

  /** Rejects with `StartUpError`. */
  static async read(settings: Settings): Promise<ServerCertificate> {
    const certificate = new ServerCertificate(await readTlsFiles(settings.current.tls))
    settings.onPrepare(async (next) => {
      const options = await readTlsFiles(next.tls)
      return () => certificate.replace(options)
    })
    return certificate
  }

  /** Gives `keeper` what there is now, and then what each reload brings. */
  keep(keeper: Keeper): void {
    this.keepers.push(keeper)
    keeper(this.options)
  }

  private replace(options: TlsOptions | undefined): void {
    this.options = options
    for (const keeper of this.keepers) keeper(options)
  }
}
