/**
 * What the kernel holds of what a socket was given: sent, and not acknowledged by the other side. The kernel takes
 * megabytes ahead and asks for more only when a third of them has gone (1.4 MB on loopback), so that from inside the
 * process a reader of 40 KB/s looks frozen for half a minute. Linux tells; elsewhere nobody knows.
 *
 * The system's table has a line for each of its connections: some 5 ms to read, in the thread pool, once for all who ask
 * at the same time. For rare questions only.
 */
import { readFile } from 'node:fs/promises'
import { isIPv4, type Socket } from 'node:net'

/** Bytes, by `localPort remoteAddress:remotePort` as the table writes them. */
type KernelQueues = ReadonlyMap<string, number>

const LINE = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]+):/gm
const underWay = new Map<string, Promise<KernelQueues>>()

/** Bytes the other side has not acknowledged; `undefined` where the system does not tell, or the socket is gone. */
export async function unacknowledgedBytes(socket: Socket): Promise<number | undefined> {
  const { localPort, remoteAddress, remotePort } = socket
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined
  const queues = await queuesOf(isIPv4(remoteAddress) ? '/proc/net/tcp' : '/proc/net/tcp6')
  return queues.get(`${hex(localPort, 4)} ${tableAddress(remoteAddress)}:${hex(remotePort, 4)}`)
}

function queuesOf(table: string): Promise<KernelQueues> {
  let reading = underWay.get(table)
  if (reading === undefined) {
    reading = readQueues(table).finally(() => underWay.delete(table))
    underWay.set(table, reading)
  }
  return reading
}

async function readQueues(table: string): Promise<KernelQueues> {
  const text = await readFile(table, 'latin1').catch(() => '')
  return new Map(
    Array.from(text.matchAll(LINE), ([, port, remote, bytes = '']) => [
      `${port} ${remote}`,
      Number.parseInt(bytes, 16),
    ]),
  )
}

/** Words of 32 bits, each as this machine stores it: little-endian. */
function tableAddress(address: string): string {
  const bytes = isIPv4(address) ? address.split('.').map((part) => hex(Number(part), 2)) : bytesOfIPv6(address)
  const words: string[] = []
  for (let at = 0; at < bytes.length; at += 4) words.push(...bytes.slice(at, at + 4).toReversed())
  return words.join('')
}

function bytesOfIPv6(address: string): string[] {
  const [withoutZone = ''] = address.split('%')
  // A host name in a URL has one spelling, without dots in it.
  const [head = '', tail = ''] = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array.from({ length: 8 - (left?.length ?? 0) - (right?.length ?? 0) }, () => '0')
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])]
  return groups.flatMap((group) => group.toUpperCase().padStart(4, '0').match(/../g) ?? [])
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0')
