import { Module, type OnApplicationShutdown } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { ClusterModule } from '../cluster/cluster.module.js'
import type { SettingsValue } from '../config/settings-schema.js'
import { Settings } from '../config/settings.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { TimerWheel } from '../transport/timer-wheel.js'
import { AuthController } from './auth.controller.js'
import { AuthService } from './auth.service.js'
import { CertificateLogin } from './certificate-login.js'
import { TokenVerifier } from './token-verifier.js'
import { VerificationGate } from './verification-gate.js'
import { LoginRate } from './login-rate.js'
import { readOrCreateSecret } from './secret-file.js'
import { TicketOffice } from './ticket-office.js'
import { TicketSeals } from './ticket-seals.js'
import { readVerificationKey, secretVerificationKey, type VerificationKey } from './verification-key.js'

/** Reads or makes the key at start-up and at each reload, where its file may be another; rejects with `StartUpError`. */
async function createTokenVerifier(settings: Settings, clock: Clock): Promise<TokenVerifier> {
  const verifier = new TokenVerifier(
    await verificationKeyOf(settings.current),
    () => settings.current.auth,
    () => clock.now(),
  )
  settings.onPrepare(async (next) => {
    const key = await verificationKeyOf(next)
    return () => verifier.use(key)
  })
  return verifier
}

async function verificationKeyOf({ auth, storage }: SettingsValue): Promise<VerificationKey> {
  if (auth.publicKeyFile !== undefined) return readVerificationKey(auth.publicKeyFile)
  return secretVerificationKey(auth.secret ?? readOrCreateSecret(storage.dataDir, 'auth-secret'))
}

/** Reads or makes the secret, if anybody may resume, and another at a reload; throws `StartUpError`. */
function createTicketOffice(settings: Settings, clock: Clock, sessions: SessionsService): TicketOffice {
  const office = (seal: TicketSeals | undefined): TicketOffice =>
    new TicketOffice({ seal, settings, clock, sessions, wheel: new TimerWheel(clock) })
  if (!settings.current.sessions.resume) return office(undefined)
  const seals = new TicketSeals(ticketSecretOf(settings.current), () => clock.now())
  const tickets = office(seals)
  settings.onPrepare((next) => {
    const secret = ticketSecretOf(next)
    return Promise.resolve(() => seals.use(secret, tickets.forgetAtMs))
  })
  return tickets
}

const ticketSecretOf = ({ sessions, storage }: SettingsValue): string =>
  sessions.ticketSecret ?? readOrCreateSecret(storage.dataDir, 'ticket-secret')

@Module({
  imports: [AbuseModule, SessionsModule, ClusterModule],
  controllers: [AuthController],
  providers: [
    AuthService,
    CertificateLogin,
    LoginRate,
    { provide: TicketOffice, inject: [Settings, CLOCK, SessionsService], useFactory: createTicketOffice },
    { provide: TokenVerifier, inject: [Settings, CLOCK], useFactory: createTokenVerifier },
    {
      provide: VerificationGate,
      inject: [Settings],
      useFactory: (settings: Settings) => new VerificationGate(() => settings.current.auth.maxVerificationsInFlight),
    },
  ],
  exports: [AuthService, TicketOffice, LoginRate, TokenVerifier, VerificationGate],
})
export class AuthModule implements OnApplicationShutdown {
  constructor(private readonly tickets: TicketOffice) {}

  onApplicationShutdown(): void {
    this.tickets.close()
  }
}
