import { Module } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { AuthController } from './auth.controller.js'
import { AuthService } from './auth.service.js'
import { TokenVerifier } from './token-verifier.js'
import { VerificationGate } from './verification-gate.js'
import { readOrCreateSecret } from './secret-file.js'
import { readVerificationKey, secretVerificationKey } from './verification-key.js'

/** Reads or makes the key at start-up; rejects with `StartUpError`. */
async function createTokenVerifier(settings: Settings, clock: Clock): Promise<TokenVerifier> {
  const { auth, storage } = settings.current
  const key =
    auth.publicKeyFile === undefined
      ? await secretVerificationKey(auth.secret ?? readOrCreateSecret(storage.dataDir, 'auth-secret'))
      : await readVerificationKey(auth.publicKeyFile)
  return new TokenVerifier(
    key,
    () => settings.current.auth,
    () => clock.now(),
  )
}

@Module({
  imports: [SessionsModule],
  controllers: [AuthController],
  providers: [
    AuthService,
    { provide: TokenVerifier, inject: [Settings, CLOCK], useFactory: createTokenVerifier },
    {
      provide: VerificationGate,
      inject: [Settings],
      useFactory: (settings: Settings) => new VerificationGate(() => settings.current.auth.maxVerificationsInFlight),
    },
  ],
})
export class AuthModule {}
