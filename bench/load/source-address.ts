/**
 * Where a member of the load connects from. The port is said, too: looking for a free one on a named address takes the
 * kernel 300 µs a connection once thousands are there (10,000 connects: 4.3 s, with ports named 0.6 s).
 */
const CONNECTIONS_PER_ADDRESS = 8_000
/** Below the ports that the kernel gives out, where servers may listen on every address. */
const FIRST_PORT = 10_000

export interface SourceAddress {
  readonly localAddress: string
  /** Absent: any that is free. */
  readonly localPort?: number
}

/** `network`: the first three numbers of the address. */
export const sourceOf = (network: string, member: number): SourceAddress => ({
  localAddress: `${network}.${2 + Math.floor(member / CONNECTIONS_PER_ADDRESS)}`,
  localPort: FIRST_PORT + (member % CONNECTIONS_PER_ADDRESS),
})
