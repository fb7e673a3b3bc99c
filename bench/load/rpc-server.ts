/** A Nest microservice with the sum controller behind one transport. */
import 'reflect-metadata'
import type { AddressInfo, Server } from 'node:net'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { answerQuestions } from './answer-questions.js'
import { cpuUs } from './cpu-us.js'
import { rpcTransports, type RpcTransportName } from './rpc-transports.js'
import { SumController } from './sum.controller.js'

@Module({ controllers: [SumController] })
class SumModule {}

/** The port it listens on. */
async function listen(transport: RpcTransportName): Promise<number> {
  const options = rpcTransports[transport].serverOptions()
  const app = await NestFactory.createMicroservice(SumModule, { ...options, logger: ['error', 'warn'] })
  await app.listen()
  return (app.unwrap<Server>().address() as AddressInfo).port
}

const program = { listen, cpuUs }
export type RpcServerProgram = typeof program
answerQuestions(program)
