import { Module } from '@nestjs/common'
import { AbuseCounters } from './abuse-counters.js'
import { AddressGate } from './address-gate.js'
import { LoginBackoff } from './login-backoff.js'
import { TrustedAddresses } from './trusted-addresses.js'
import { UserLimits } from './user-limits.js'

const providers = [AbuseCounters, TrustedAddresses, LoginBackoff, AddressGate, UserLimits]

@Module({ providers, exports: [AbuseCounters, LoginBackoff, AddressGate, UserLimits] })
export class AbuseModule {}
