/** Starts the whole server: for `main.ts`, and for tests with settings of their own and port 0. */
import 'reflect-metadata'
import type { AddressInfo, Server } from 'node:net'
import { Logger, type INestApplication, type NestApplicationOptions } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { AppModule } from './app.module.js'
import { systemClock, type Clock } from './clock.js'
import { ConfigReload } from './config/config-reload.js'
import type { Environment } from './config/load-settings.js'
import { Settings } from './config/settings.js'
import { StartUpError } from './config/start-up-error.js'
import { ServerLogger } from './output/server-logger.js'
import { keepCertificateFresh } from './tls/https-side.js'
import { ServerCertificate } from './tls/server-certificate.js'
import { NestwireServer } from './transport/nestwire-server.js'

export interface RunningApp {
  readonly app: INestApplication
  readonly server: NestwireServer
  readonly settings: Settings
  readonly reload: ConfigReload
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
  const { root, settings } = await AppModule.forRoot(env, clock)
  try {
    const app = await NestFactory.create(root, {
      bufferLogs: true,
      autoFlushLogs: false,
      abortOnError: false,
      // No handler takes a body, and parsers would read it before a guard is asked.
      bodyParser: false,
      // After the drain. Node waits for who has sent nothing or half a request, for ever.
      forceCloseConnections: true,
      // Its certificate follows, before it listens.
      ...(settings.current.tls.http && { httpsOptions: {} }),
    })
    keepCertificateFresh(app.getHttpServer(), app.get(ServerCertificate))
    const running = await listen(app)
    const logger = new ServerLogger(running.settings, clock ?? systemClock)
    app.useLogger(logger)
    app.flushLogs()
    return { ...running, close: () => running.close().finally(() => logger.close()) }
  } catch (error) {
    // Nest would log the error with its stack; whoever called says what there is to say.
    Logger.overrideLogger(false)
    Logger.flush()
    throw error
  }
}

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
  const reload = app.get(ConfigReload)
  return { app, server, settings, reload, address, httpAddress, close: () => app.close() }
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
