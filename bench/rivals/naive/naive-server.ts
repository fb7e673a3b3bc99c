/** The naive chat as a process: the same Nest, the same transport, the same tokens; only the delivery is as it is written first. */
import 'reflect-metadata'
import type { AddressInfo, Server } from 'node:net'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { TokenVerifier } from '../../../src/auth/token-verifier.js'
import { secretVerificationKey } from '../../../src/auth/verification-key.js'
import { publishCompactRoute } from '../../../src/chat/chat-compact-route.js'
import { joinCompactRoute } from '../../../src/rooms/rooms-compact-route.js'
import { NestwireServer } from '../../../src/transport/nestwire-server.js'
import { DEFAULT_TRANSPORT_LIMITS, fixedLimits } from '../../../src/transport/transport-limits.js'
import { answerQuestions } from '../../load/answer-questions.js'
import { NaiveController, NaiveRoom } from './naive.controller.js'

const room = new NaiveRoom()
const NO_RULES = { issuer: undefined, audience: undefined, clockToleranceMs: 0 }

@Module({ controllers: [NaiveController], providers: [{ provide: NaiveRoom, useValue: room }] })
class NaiveModule {}

async function listen({
  secret,
}: {
  readonly secret: string
}): Promise<{ readonly port: number; readonly pid: number }> {
  const key = secretVerificationKey(secret)
  const strategy = new NestwireServer({
    port: 0,
    authentication: new TokenVerifier(key, () => NO_RULES),
    compactRoutes: [joinCompactRoute, publishCompactRoute],
    observers: [room],
    limits: fixedLimits({ ...DEFAULT_TRANSPORT_LIMITS, pingIntervalMs: 3_000_000, idleTimeoutMs: 6_000_000 }),
  })
  const options: MicroserviceOptions = { strategy }
  const app = await NestFactory.createMicroservice(NaiveModule, { ...options, logger: ['error', 'warn'] })
  await app.listen()
  return { port: (app.unwrap<Server>().address() as AddressInfo).port, pid: process.pid }
}

const program = { listen }
export type NaiveServerProgram = typeof program
answerQuestions(program)
