/** Who may connect, by address: how many at once, how many in a minute, and nobody who is backed off. */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { CloseCode } from '../protocol/close-codes.js'
import { FREE_PASS, type ConnectionGate, type Pass, type Refusal } from '../transport/connection-gate.js'
import { AbuseCounters } from './abuse-counters.js'
import { addressKeyOf } from './address-key.js'
import { KeyedRate } from './keyed-rate.js'
import { BACKED_OFF, LoginBackoff } from './login-backoff.js'
import { TrustedAddresses } from './trusted-addresses.js'

/** For who has as many as it may: until one of them has ended, which nobody knows. */
export const RETRY_WHEN_TOO_MANY_MS = 30_000

@Injectable()
export class AddressGate implements ConnectionGate {
  /** Of addresses that are not trusted; as many at most as there may be connections. */
  private readonly present = new Map<string, Presence>()
  private readonly connects: KeyedRate<string>

  constructor(
    private readonly trusted: TrustedAddresses,
    private readonly backoff: LoginBackoff,
    private readonly counters: AbuseCounters,
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.connects = new KeyedRate(() => settings.current.abuse.maxTracked)
  }

  enter(remoteAddress: string): Pass | Refusal {
    if (this.trusted.has(remoteAddress)) return FREE_PASS
    const address = addressKeyOf(remoteAddress)
    return this.refusalOf(address, remoteAddress) ?? this.letIn(address)
  }

  private refusalOf(address: string, remoteAddress: string): Refusal | undefined {
    const { maxConnectionsPerAddress, connectsPerAddressPerMinute } = this.settings.current.abuse
    const { refused } = this.counters
    const retryAfterMs = this.backoff.remainingMs(remoteAddress)
    if (retryAfterMs > 0) {
      refused.backedOff += 1
      return { kind: 'refused', code: CloseCode.BackedOff, message: BACKED_OFF, retryAfterMs }
    }
    if ((this.present.get(address)?.connections ?? 0) >= maxConnectionsPerAddress) {
      refused.connectionsPerAddress += 1
      return tooMany('this address has as many connections as it may', RETRY_WHEN_TOO_MANY_MS)
    }
    const verdict = this.connects.spend(address, connectsPerAddressPerMinute, this.clock.uptimeMs())
    if (verdict.kind === 'early') {
      refused.connectsPerAddress += 1
      return tooMany('this address has opened too many connections', verdict.waitMs)
    }
    if (verdict.kind === 'untracked') this.counters.untracked += 1
    return undefined
  }

  private letIn(address: string): Pass {
    let presence = this.present.get(address)
    if (presence === undefined) {
      presence = new Presence(address, () => this.present.delete(address))
      this.present.set(address, presence)
    }
    presence.connections += 1
    return presence
  }
}

/** All connections of one address hold this one: what a connection costs here is a reference. */
class Presence implements Pass {
  readonly kind = 'passed'
  connections = 0

  constructor(
    readonly party: string,
    private readonly onEmpty: () => void,
  ) {}

  leave(): void {
    this.connections -= 1
    if (this.connections === 0) this.onEmpty()
  }
}

const tooMany = (message: string, retryAfterMs: number): Refusal => {
  return { kind: 'refused', code: CloseCode.TooManyConnections, message, retryAfterMs }
}
