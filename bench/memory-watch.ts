/** Memory of a process, and of all sockets in the kernel, looked at over and over: Linux only. */
import { readKernelTcpKb } from './load/kernel-memory.js'
import { readUsage } from './process-usage.js'

export interface MemoryFigures {
  /** Resident memory of the process. */
  readonly rssMb: number
  /** Buffers of all TCP sockets of the machine, both ends of each connection. */
  readonly kernelMb: number
}

const INTERVAL_MS = 50

export class MemoryWatch {
  private most: MemoryFigures
  private readonly timer: NodeJS.Timeout

  constructor(private readonly pid: number) {
    this.most = readMemory(pid)
    this.timer = setInterval(() => this.look(), INTERVAL_MS)
  }

  /** The most of each since it began. */
  get peak(): MemoryFigures {
    return this.most
  }

  look(): MemoryFigures {
    const now = readMemory(this.pid)
    this.most = {
      rssMb: Math.max(this.most.rssMb, now.rssMb),
      kernelMb: Math.max(this.most.kernelMb, now.kernelMb),
    }
    return now
  }

  close(): void {
    clearInterval(this.timer)
  }
}

const readMemory = (pid: number): MemoryFigures => ({
  rssMb: readUsage(pid).rssKb / 1024,
  kernelMb: readKernelTcpKb() / 1024,
})
