/** What the kernel holds in TCP buffers, of all sockets of the machine and so of both ends, from /proc: Linux only. */
import { readFileSync } from 'node:fs'

const PAGE_KB = 4

export function readKernelTcpKb(): number {
  const pages = /^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1]
  return Number(pages) * PAGE_KB
}
