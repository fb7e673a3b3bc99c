import { Inject } from '@nestjs/common'
import { NestwireClient } from '../transport/nestwire-client.js'
import { ChatService } from './chat.service.js'

type Token = string | typeof NestwireClient | typeof ChatService

/** Of the `NestwireClient` of that name; without a name of the one that has none. */
export const getNestwireToken = (name?: string): Token =>
  name === undefined ? NestwireClient : `nestwire:client:${name}`

/** Of the `ChatService` of that name; without a name of the one that has none. */
export const getChatToken = (name?: string): Token => (name === undefined ? ChatService : `nestwire:chat:${name}`)

/** Injects a `NestwireClient` of `NestwireClientModule.register({ name })`. */
export const InjectNestwire = (name?: string): ParameterDecorator & PropertyDecorator => Inject(getNestwireToken(name))

/** Injects a `ChatService` of `NestwireClientModule.register({ name })`. */
export const InjectChat = (name?: string): ParameterDecorator & PropertyDecorator => Inject(getChatToken(name))
