import { closeCodeName, type CloseCode } from './close-codes.js'

/** Bytes that no conforming sender writes. Terminal: carries the code the connection is closed with. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  constructor(
    readonly closeCode: CloseCode,
    /** For people, without the code's name. */
    readonly detail: string,
  ) {
    super(`${closeCodeName(closeCode)}: ${detail}`)
  }
}
