/** Starts the whole server: for `main.ts`, and for tests with settings of their own and port 0. */
import 'reflect-metadata'
import type { AddressInfo, Server } from 'node:net'
import { isatty } from 'node:tty'
import { ConsoleLogger, Logger, type INestApplication, type NestApplicationOptions } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { AppModule } from './app.module.js'
import type { Clock } from './clock.js'
import type { Environment } from './config/load-settings.js'
import type { SettingsValue } from './config/settings-schema.js'
import { Settings } from './config/settings.js'
import { StartUpError } from './config/start-up-error.js'
import { NestwireServer } from './transport/nestwire-server.js'

export interface RunningApp {
  readonly app: INestApplication
  readonly server: NestwireServer
  readonly settings: Settings
  /** Where the binary protocol listens. */
  readonly address: AddressInfo
  readonly httpAddress: AddressInfo
  /** Drains and stops everything. */
  readonly close: () => Promise<void>
}

/**
 * `env` instead of `.env` and the environment of the process, `clock` instead of the machine's. Rejects with `StartUpError` if the operator must mend
 * something; nothing runs then, and nothing was logged.
 */
export async function startApp(env?: Environment, clock?: Clock): Promise<RunningApp> {
  const root = await AppModule.forRoot(env, clock)
  try {
    const app = await NestFactory.create(root, { bufferLogs: true, autoFlushLogs: false, abortOnError: false })
    const running = await listen(app)
    app.useLogger(createLogger(running.settings.current))
    app.flushLogs()
    return running
  } catch (error) {
    // Nest would log the error with its stack; whoever called says what there is to say.
    Logger.overrideLogger(false)
    Logger.flush()
    throw error
  }
}

const createLogger = ({ output: { logJson, logLevel } }: SettingsValue): ConsoleLogger =>
  new ConsoleLogger({ prefix: 'Nestwire', json: logJson, colors: isatty(1), logLevels: [logLevel] })

/** In an order in which no message comes before the modules are ready for it. */
async function listen(app: INestApplication): Promise<RunningApp> {
  const settings = app.get(Settings)
  const server = app.get(NestwireServer)
  const { httpHost, httpPort } = settings.current.listen
  try {
    const microservice: MicroserviceOptions & NestApplicationOptions = { strategy: server, autoFlushLogs: false }
    app.connectMicroservice(microservice, { inheritAppConfig: true })
    await app.init()
    await naming('NESTWIRE_HOST, NESTWIRE_PORT', () => app.startAllMicroservices())
    await naming('NESTWIRE_HTTP_HOST, NESTWIRE_HTTP_PORT', () => app.listen(httpPort, httpHost))
  } catch (error) {
    await app.close()
    throw error
  }
  const address = addressOf(server.unwrap())
  const httpAddress = addressOf(app.getHttpServer())
  return { app, server, settings, address, httpAddress, close: () => app.close() }
}

/** A port that is taken or an address that is not ours: says which settings chose it. */
async function naming(settingNames: string, start: () => Promise<unknown>): Promise<void> {
  try {
    await start()
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause
    throw new StartUpError(`${cause.message} (${settingNames})`, { cause })
  }
}

function addressOf(listener: Server): AddressInfo {
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a TCP port')
  return address
}
