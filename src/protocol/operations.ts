import { FrameType } from './constants.js'

/** What a packet is: the first byte of its payload. */
export const Operation = {
  Hello: 0x01,
  Welcome: 0x02,
  Auth: 0x03,
  AuthOk: 0x04,
  Ping: 0x05,
  Pong: 0x06,
  Limits: 0x07,
  GoAway: 0x08,
  Close: 0x09,
  Resume: 0x0a,
  Resumed: 0x0b,
  Ticket: 0x0c,
  Position: 0x0d,
  Request: 0x40,
  Event: 0x41,
  Reply: 0x42,
  Next: 0x43,
  End: 0x44,
  Error: 0x45,
  Cancel: 0x46,
  Join: 0x50,
  Joined: 0x51,
  Publish: 0x52,
  Ack: 0x53,
  Deliver: 0x54,
  Gap: 0x55,
} as const
export type Operation = (typeof Operation)[keyof typeof Operation]

const FIRST_DATA_OPERATION = 0x40

/** Control operations are below 0x40, data operations from there on. */
export const frameTypeOf = (operation: number): FrameType =>
  operation < FIRST_DATA_OPERATION ? FrameType.Control : FrameType.Data

const names = new Map<number, string>(Object.entries(Operation).map(([name, value]) => [value, name]))
export const operationName = (operation: number): string => names.get(operation) ?? `0x${operation.toString(16)}`
