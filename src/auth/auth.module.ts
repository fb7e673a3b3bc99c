import { Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { TimerWheel } from '../transport/timer-wheel.js'
import { AuthController } from './auth.controller.js'
import { AuthService } from './auth.service.js'
import { TokenVerifier } from './token-verifier.js'
import { VerificationGate } from './verification-gate.js'
import { LoginRate } from './login-rate.js'
import { readOrCreateSecret } from './secret-file.js'
import { TicketOffice } from './ticket-office.js'
import { TicketSeal } from './ticket.js'
import { readVerificationKey, secretVerificationKey } from './verification-key.js'

/** Reads or makes the key at start-up; rejects with `StartUpError`. */
async function createTokenVerifier(settings: Settings, clock: Clock): Promise<TokenVerifier> {
  const { auth, storage } = settings.current
  const key =
    auth.publicKeyFile === undefined
      ? secretVerificationKey(auth.secret ?? readOrCreateSecret(storage.dataDir, 'auth-secret'))
      : await readVerificationKey(auth.publicKeyFile)
  return new TokenVerifier(
    key,
    () => settings.current.auth,
    () => clock.now(),
  )
}

/** Reads or makes the key at start-up, if anybody may resume; throws `StartUpError`. */
function createTicketOffice(settings: Settings, clock: Clock, sessions: SessionsService): TicketOffice {
  const { sessions: rules, storage } = settings.current
  const seal = rules.resume
    ? new TicketSeal(rules.ticketSecret ?? readOrCreateSecret(storage.dataDir, 'ticket-secret'))
    : undefined
  return new TicketOffice({ seal, settings, clock, sessions, wheel: new TimerWheel(clock) })
}

@Module({
  imports: [SessionsModule],
  controllers: [AuthController],
  providers: [
    AuthService,
    LoginRate,
    { provide: TicketOffice, inject: [Settings, CLOCK, SessionsService], useFactory: createTicketOffice },
    { provide: TokenVerifier, inject: [Settings, CLOCK], useFactory: createTokenVerifier },
    {
      provide: VerificationGate,
      inject: [Settings],
      useFactory: (settings: Settings) => new VerificationGate(() => settings.current.auth.maxVerificationsInFlight),
    },
  ],
  exports: [AuthService, TicketOffice, LoginRate],
})
export class AuthModule implements OnApplicationShutdown {
  constructor(private readonly tickets: TicketOffice) {}

  onApplicationShutdown(): void {
    this.tickets.close()
  }
}
