/** Memory of a process, and of all sockets in the kernel, looked at over and over: Linux only. */
import { readFileSync } from 'node:fs'
import { readKernelTcpKb } from './load/kernel-memory.js'

export interface MemoryFigures {
  /** Resident memory of the process. */
  readonly rssMb: number
  /** The part of it that is pages of files: programs, and what an embedded store has mapped. */
  readonly filePagesMb: number
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

  /** What there is now. */
  look(): MemoryFigures {
    const now = readMemory(this.pid)
    this.most = {
      rssMb: Math.max(this.most.rssMb, now.rssMb),
      filePagesMb: Math.max(this.most.filePagesMb, now.filePagesMb),
      kernelMb: Math.max(this.most.kernelMb, now.kernelMb),
    }
    return now
  }

  /** The most of each since this was asked last. */
  takePeak(): MemoryFigures {
    const now = this.look()
    const { most } = this
    this.most = now
    return most
  }

  close(): void {
    clearInterval(this.timer)
  }
}

function readMemory(pid: number): MemoryFigures {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { rssMb: megabytes('VmRSS'), filePagesMb: megabytes('RssFile'), kernelMb: readKernelTcpKb() / 1024 }
}
