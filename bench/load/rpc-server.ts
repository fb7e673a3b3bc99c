/** A Nest microservice with the controller of the rpc suite behind one transport. */
import 'reflect-metadata'
import { Module, type DynamicModule } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { answerQuestions } from './answer-questions.js'
import { cpuUs } from './cpu-us.js'
import { rpcTransports, type RpcTransportName } from './rpc-transports.js'

@Module({})
class RpcModule {}

export interface RpcPlace {
  readonly transport: RpcTransportName
  readonly port: number
}

async function listen({ transport, port }: RpcPlace): Promise<void> {
  const { controller, serverOptions } = rpcTransports[transport]
  const module: DynamicModule = { module: RpcModule, controllers: [controller] }
  const app = await NestFactory.createMicroservice(module, { ...serverOptions(port), logger: ['error', 'warn'] })
  await app.listen()
}

const program = { listen, cpuUs }
export type RpcServerProgram = typeof program
answerQuestions(program)
